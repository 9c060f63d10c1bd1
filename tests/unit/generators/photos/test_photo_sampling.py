from collections import Counter

import numpy as np
import pytest
import torch

from cgn.errors import UserError
from cgn.generators.params import PatchParams
from cgn.generators.photos.factors import Factors
from cgn.generators.photos.sampling import Lenders, sample_photos
from cgn.io.shards import Sample
from cgn.scm import CounterfactualParams

SIZE, CLASSES = 16, ["ant", "bee", "cat"]
ALL = ["shape", "foreground", "background"]
POLICY = CounterfactualParams(intervened=ALL, noise="per_mechanism", ratio=1)


PATCHES = PatchParams(patch_width=0.25, patch_grid=2, patch_candidates=4)


@pytest.fixture
def factors() -> Factors:
    """Twelve photos of one value each, 10 times their number; the object is a square in the middle."""
    labels = np.arange(12) % 3
    images = np.repeat(np.arange(12, dtype=np.uint8) * 10, SIZE * SIZE * 3).reshape(12, SIZE, SIZE, 3)
    masks = np.zeros((12, SIZE, SIZE), np.uint8)
    masks[:, 4:12, 4:12] = 255
    usable = np.arange(12) != 5  # photo 5 is of class 2
    return Factors(images, labels, masks, images + 1, usable, [f"p{number}" for number in range(12)])


def drawn(factors: Factors, share: float, start: int = 0, stop: int = 300) -> list[Sample]:
    return list(sample_photos(factors, Lenders(factors, CLASSES), POLICY, PATCHES, share, 0, start, stop))


def number(sample: Sample, factor: str) -> int:
    return int(sample.metadata["photos"][factor][1:])


def test_pixels_are_of_the_photos_that_the_metadata_name(factors: Factors) -> None:
    for sample in drawn(factors, 0.5):
        labels, patched = sample.metadata["labels"], sample.metadata["patched"]
        assert all(labels[name] == number(sample, name) % 3 for name in labels)
        assert np.all(sample.image[5:11, 5:11] == 10 * number(sample, "foreground"))
        assert np.all(sample.image[:3] == 10 * number(sample, "background") + 1)
        assert patched or sample.metadata["photos"]["foreground"] == sample.metadata["photos"]["shape"]


def test_the_share_of_patched_textures(factors: Factors) -> None:
    assert not any(sample.metadata["patched"] for sample in drawn(factors, 0.0))
    assert all(sample.metadata["patched"] for sample in drawn(factors, 1.0))
    share = np.mean([sample.metadata["patched"] for sample in drawn(factors, 0.3)])
    assert 0.2 < share < 0.4


def test_photos_without_object_lend_nothing_and_all_others_lend_every_factor(factors: Factors) -> None:
    samples = drawn(factors, 1.0)
    for factor in ALL:
        lent = Counter(number(sample, factor) for sample in samples)
        assert set(lent) == set(range(12)) - {5}
    pairs = {(number(sample, "shape"), number(sample, "background")) for sample in samples}
    assert len(pairs) > 90  # of 121: photos are drawn independently


def test_an_image_depends_on_its_index_only(factors: Factors) -> None:
    threads, whole = torch.get_num_threads(), drawn(factors, 0.5)
    torch.set_num_threads(1)
    part = drawn(factors, 0.5, 70, 90)
    torch.set_num_threads(threads)
    assert [sample.metadata for sample in part] == [sample.metadata for sample in whole[70:90]]
    assert all(np.array_equal(a.image, b.image) for a, b in zip(part, whole[70:90], strict=True))


def test_classes_without_object_are_not_drawn(factors: Factors, caplog: pytest.LogCaptureFixture) -> None:
    samples = drawn(factors._replace(usable=factors.labels != 1), 1.0)
    assert {label for sample in samples for label in sample.metadata["labels"].values()} == {0, 2}
    assert "bee" in caplog.text
    with pytest.raises(UserError, match="of 1 classes"):
        drawn(factors._replace(usable=factors.labels == 1), 1.0)
