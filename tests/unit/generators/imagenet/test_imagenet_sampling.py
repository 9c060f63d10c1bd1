"""Counterfactual images: what is drawn anew, what a group shares; an image follows from its index."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from cgn.counterfactuals import CounterfactualParams
from cgn.generators.imagenet.mechanisms import ImageNetCGN
from cgn.generators.imagenet.sampling import BLOCK, sample_counterfactuals
from cgn.io.pixels import to_bytes
from cgn.io.shards import Sample
from cgn.networks.biggan import generate, truncated_noise
from cgn.scm import IMAGENET_SCM

ALL = CounterfactualParams(intervened=["shape", "foreground", "background"], noise="shared", ratio=1)
Make = Callable[[int], ImageNetCGN]


def sample(cgn: ImageNetCGN, policy: CounterfactualParams, start: int, stop: int) -> list[Sample]:
    return list(sample_counterfactuals(cgn.eval(), policy, 0.8, 0, start, stop))


@pytest.mark.parametrize("noise", ["shared", "per_mechanism"])
@pytest.mark.parametrize("ratio", [1, 7])
def test_an_image_follows_from_its_index(make_cgn: Make, noise: str, ratio: int) -> None:
    policy = ALL.model_copy(update={"noise": noise, "ratio": ratio})
    whole = sample(make_cgn(0), policy, 0, BLOCK + 20)
    assert [one.metadata["index"] for one in whole] == list(range(BLOCK + 20))
    for one, again in zip(
        whole[BLOCK - 3 : BLOCK + 5], sample(make_cgn(0), policy, BLOCK - 3, BLOCK + 5), strict=True
    ):
        assert one.metadata == again.metadata
        np.testing.assert_array_equal(one.image, again.image)


def test_an_image_is_what_its_metadata_says(make_cgn: Make) -> None:
    """Each mechanism by itself, from the labels and noise ids of the image's JSON."""
    cgn = make_cgn(0).eval()
    (one,) = sample(cgn, ALL.model_copy(update={"noise": "per_mechanism", "ratio": 3}), 5, 6)
    assert set(one.metadata) == {"index", "seed", "labels", "noise"}
    assert one.metadata["noise"] == {"shape": 1, "foreground": 5, "background": 5}
    drawn = {}
    with torch.inference_mode():
        for name, label in one.metadata["labels"].items():
            row = one.metadata["noise"][name]
            noise = truncated_noise(0, f"counterfactuals/{name}", row, row + 1, 4, 0.8)
            drawn[name] = generate(cgn.generators[name], noise, torch.tensor([label]), 0.8)
        mask = cgn.saliency(drawn["shape"])
        (expected,) = to_bytes(mask * drawn["foreground"] + (1 - mask) * drawn["background"])
    assert np.abs(one.image.astype(int) - expected).max() <= 1  # a batch of one may round otherwise


def test_images_are_made_as_small_as_classifiers_take_them(make_cgn: Make) -> None:
    cgn = make_cgn(0).eval()
    (whole,) = sample(cgn, ALL, 3, 4)
    (small,) = sample_counterfactuals(cgn, ALL, 0.8, 0, 3, 4, resolution=8)
    assert small.image.shape == (8, 8, 3)
    assert small.metadata == whole.metadata
    means = whole.image.reshape(8, 2, 8, 2, 3).mean(axis=(1, 3))
    assert np.abs(small.image - means).mean() < 10


def test_labels_are_drawn_apart_and_noise_is_shared(make_cgn: Make) -> None:
    metadata = [one.metadata for one in sample(make_cgn(0), ALL, 0, 2 * BLOCK)]
    assert all(set(one["noise"].values()) == {one["index"]} for one in metadata)
    triples = {tuple(one["labels"].values()) for one in metadata}
    assert len(triples) == 8  # two classes for each of three mechanisms


@pytest.mark.parametrize("name", ["shape", "foreground", "background"])
def test_do_gives_the_images_whose_plan_has_that_label(make_cgn: Make, name: str) -> None:
    given = (make_cgn(0).eval(), ALL, 0.8, 0, BLOCK - 9, BLOCK + 9, None)
    plain, done = (
        list(sample_counterfactuals(*given, scm)) for scm in (IMAGENET_SCM, IMAGENET_SCM.do(**{name: 1}))
    )
    same = [one for one in zip(plain, done, strict=True) if one[0].metadata["labels"][name] == 1]
    assert 0 < len(same) < 18
    assert {one.metadata["labels"][name] for one in done} == {1}
    for one, other in same:
        assert one.metadata == other.metadata
        np.testing.assert_array_equal(one.image, other.image)


def test_an_intervention_leaves_the_other_mechanisms_alone(make_cgn: Make) -> None:
    """Of two images of one group the backgrounds differ in class: where the mask is 1 the images agree."""
    cgn = make_cgn(0).eval()
    policy = CounterfactualParams(intervened=["background"], noise="shared", ratio=BLOCK)
    samples = sample(cgn, policy, 0, BLOCK)
    by_class = {one.metadata["labels"]["background"]: one.image for one in samples}
    assert set(by_class) == {0, 1}
    same = [one.image for one in samples if one.metadata["labels"]["background"] == 0]
    assert all(np.array_equal(image, same[0]) for image in same)  # shape, noise and both labels agree
    assert not np.array_equal(by_class[0], by_class[1])
