"""Random mirroring: half of the images, whole images, the same in every run."""

import numpy as np
import torch

from cgn.data.sources import FixedImages, Images, Mirrored

IMAGES = np.random.default_rng(0).integers(0, 256, (400, 4, 6, 3), dtype=np.uint8)


def source() -> FixedImages:
    return FixedImages(Images(IMAGES, np.arange(400)), 400, 0, "test")


def test_half_of_the_images_are_turned_left_to_right() -> None:
    (plain,), (mirrored,) = source().minibatches(3), Mirrored(source(), 0, "test").minibatches(3)
    assert torch.equal(plain.labels, mirrored.labels)
    kept = (plain.images == mirrored.images).flatten(1).all(1)
    turned = (plain.images.flip(2) == mirrored.images).flatten(1).all(1)
    assert torch.equal(kept, ~turned)
    assert 150 < turned.sum() < 250


def test_which_ones_depends_on_seed_and_step_alone() -> None:
    first = Mirrored(source(), 0, "test")
    first.minibatches(0)
    (again,), (afresh,) = first.minibatches(1), Mirrored(source(), 0, "test").minibatches(1)
    (other,) = Mirrored(source(), 1, "test").minibatches(1)
    assert torch.equal(again.images, afresh.images)
    assert not torch.equal(again.images, other.images)
