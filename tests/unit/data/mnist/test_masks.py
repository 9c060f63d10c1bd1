import numpy as np
from numpy.typing import NDArray

from cgn.data.mnist.masks import distorted_masks, real_masks, translated_masks
from tests.conftest import packaged_digits

DIGITS = packaged_digits(50, 10, 10)
MASKS = real_masks(DIGITS["train_images"], 0.1)


def test_real_masks_cut_at_the_threshold() -> None:
    assert MASKS.shape == (50, 32, 32)
    grey = np.zeros((1, 28, 28), np.uint8)
    grey[0, 0, 0], grey[0, 27, 27] = 25, 26  # 0.1 of 255 is 25.5
    mask = real_masks(grey, 0.1)
    assert not mask[0, 0, 0]
    assert mask[0, 31, 31]


def _moved(mask: NDArray[np.bool_], down: int, right: int) -> NDArray[np.bool_]:
    """`mask` moved by a shift of at most 3 pixels, the slow and plain way."""
    wide = np.pad(mask, 3)
    moved: NDArray[np.bool_] = np.roll(wide, (down, right), axis=(0, 1))[3:-3, 3:-3]
    return moved


def test_translation_moves_the_whole_digit_at_random() -> None:
    moved = translated_masks(MASKS, 3, 0, "x")
    assert moved.shape == (50, 32, 32, 1)
    assert set(np.unique(moved)) == {0, 255}
    shifts = set()
    for mask, image in zip(MASKS, moved[..., 0] > 0, strict=True):
        fitting = [
            (down, right)
            for down in range(-3, 4)
            for right in range(-3, 4)
            if np.array_equal(_moved(mask, down, right), image)
        ]
        assert fitting  # and what left the image is gone, not wrapped around
        shifts.update(fitting)
    assert {down for down, _ in shifts} == {right for _, right in shifts} == set(range(-3, 4))
    assert np.array_equal(moved, translated_masks(MASKS, 3, 0, "x"))
    assert not np.array_equal(moved, translated_masks(MASKS, 3, 0, "y"))


def test_no_reach_moves_nothing_and_far_reach_cuts_off() -> None:
    assert np.array_equal(translated_masks(MASKS, 0, 0)[..., 0] > 0, MASKS)
    assert (translated_masks(MASKS, 16, 0) > 0).sum() < MASKS.sum()


def test_distortion_keeps_the_digit_in_its_place() -> None:
    assert np.array_equal(distorted_masks(MASKS, 0.0, 0), MASKS)
    distorted = distorted_masks(MASKS, 0.1, 0, "x")
    assert distorted.shape == MASKS.shape
    overlap = (distorted & MASKS).sum() / (distorted | MASKS).sum()
    assert 0.3 < overlap < 0.9
    assert np.array_equal(distorted, distorted_masks(MASKS, 0.1, 0, "x"))
    assert not np.array_equal(distorted, distorted_masks(MASKS, 0.1, 0, "y"))
