"""The worst of all candidates by each rule, and the pictures of those very images."""

import numpy as np
import pytest
import torch
from pytorch_pretrained_biggan import BigGAN

from cgn.evaluation.cgn_scores import Judges
from cgn.evaluation.failure_cases import FailureCases, failure_cases
from cgn.generators.imagenet.mechanisms import ImageNetCGN
from cgn.io.pixels import to_bytes
from cgn.networks.biggan import build_biggan, generate, truncated_noise
from tests.unit.generators.imagenet.conftest import TINY

CANDIDATES = 60  # more than one batch


def find(cgn: ImageNetCGN, cgan: BigGAN, judges: Judges, worst: int) -> dict[str, FailureCases]:
    return failure_cases(cgn, cgan, judges, CANDIDATES, worst, seed=0)


@pytest.fixture
def trained(cgn: ImageNetCGN) -> ImageNetCGN:
    """Its texture and its background have moved away from the GAN."""
    for number, name in enumerate(("foreground", "background")):
        cgn.generators[name].load_state_dict(build_biggan(TINY, seed=20 + number).state_dict())
    return cgn


def test_the_worst_come_first_and_are_the_worst_of_all(
    trained: ImageNetCGN, cgan: BigGAN, judges: Judges
) -> None:
    few, every = (find(trained, cgan, judges, worst) for worst in (4, CANDIDATES))
    assert tuple(few) == ("mask", "background", "texture", "class")
    for rule, cases in few.items():
        whole = every[rule]
        assert sorted(whole.indices) == list(range(CANDIDATES))
        steps = np.diff(whole.values)
        assert (steps <= 0).all() if rule in ("background", "texture") else (steps >= 0).all()
        assert whole.values[0] != whole.values[-1]
        np.testing.assert_array_equal(cases.indices, whole.indices[:4])
        np.testing.assert_array_equal(cases.values, whole.values[:4])
        assert cases.mean == pytest.approx(whole.values.mean())
        again = find(trained, cgan, judges, 4)[rule]
        assert all(np.array_equal(again.images[name], one) for name, one in cases.images.items())


def test_numbers_and_pictures_are_of_the_same_images(
    trained: ImageNetCGN, cgan: BigGAN, judges: Judges
) -> None:
    cases = find(trained, cgan, judges, 3)["class"]
    assert tuple(cases.images) == ("x_gt", "mask m", "composite")
    for place, index in enumerate(cases.indices.tolist()):
        noise = truncated_noise(0, "failures/noise", index, index + 1, 4, 1.0)
        label = torch.tensor([cases.labels[place]])
        with torch.inference_mode():
            truth, composite = generate(cgan, noise, label, 1.0), trained.together(noise, label).composite
            probabilities = judges.classifier(composite).softmax(dim=1)[0]
        assert probabilities[label] * 100 == pytest.approx(cases.values[place], abs=0.01)
        assert probabilities.argmax() == cases.answers[place]
        for name, image in (("x_gt", truth), ("composite", composite)):
            difference = to_bytes(image)[0].astype(int) - cases.images[name][place]
            assert np.abs(difference).max() <= 1  # a batch of one may round otherwise


def test_a_texture_map_that_is_the_image_correlates_with_it(
    cgn: ImageNetCGN, cgan: BigGAN, judges: Judges
) -> None:
    cgn.saliency = torch.nn.Sequential(judges.segmenter)  # type: ignore[assignment]
    untrained = find(cgn, cgan, judges, CANDIDATES)
    plain = untrained["texture"].images["x_gt"].std(axis=(1, 2)).max(axis=1) == 0  # varies with nothing
    assert untrained["texture"].values == pytest.approx(np.where(plain, 0, 1), abs=1e-4)
    assert plain.mean() < 0.1
    assert untrained["mask"].mean > 0.99
    cgn.generators["foreground"].load_state_dict(build_biggan(TINY, seed=20).state_dict())
    assert find(cgn, cgan, judges, 1)["texture"].mean < 0.5


def test_without_a_segmenter_its_rules_are_left_out(
    trained: ImageNetCGN, cgan: BigGAN, judges: Judges
) -> None:
    cases = failure_cases(trained, cgan, judges._replace(segmenter=None), 10, 20, seed=0)
    assert tuple(cases) == ("texture", "class")
    assert len(cases["class"].values) == 10  # there are no more
