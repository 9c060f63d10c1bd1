"""Masks without a generator, on images whose masks are known."""

import numpy as np
import pytest
from numpy.typing import NDArray

from cgn.data.mnist.masks import real_masks
from cgn.evaluation.mechanism_quality import soft_iou
from experiments.segmentation import SEGMENTATIONS, extended
from tests.conftest import packaged_digits

COUNT = 40


@pytest.fixture(scope="module")
def digits() -> tuple[NDArray[np.bool_], NDArray[np.uint8]]:
    drawn = packaged_digits(COUNT, 10, 10)
    return real_masks(drawn["train_images"], 0.1), drawn["train_labels"]


def painted(masks: NDArray[np.bool_], labels: NDArray[np.uint8], noise: float) -> NDArray[np.uint8]:
    """A dark digit on a bright ground, or the reverse, by the class."""
    random = np.random.default_rng(0)
    dark, bright = np.array([60, 20, 90]), np.array([200, 220, 120])
    colors = np.where((labels % 2 == 0)[:, None, None], [dark, bright], [bright, dark])
    images = np.where(masks[..., None], colors[:, None, None, 0], colors[:, None, None, 1])
    return np.clip(images + random.normal(0, noise, images.shape), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("name", SEGMENTATIONS)
@pytest.mark.parametrize("noise", [0.0, 8.0])
def test_finds_digits_of_another_colour_than_their_ground(
    name: str, noise: float, digits: tuple[NDArray[np.bool_], NDArray[np.uint8]]
) -> None:
    masks, labels = digits
    images = painted(masks, labels, noise)
    found = SEGMENTATIONS[name](images, labels)
    assert set(np.unique(found)) <= {0, 255}
    assert soft_iou(found / 255, masks.astype(float)) > (0.85 if name == "grab_cut" else 0.95)
    np.testing.assert_array_equal(SEGMENTATIONS[name](images, labels), found)


def test_extends_what_is_inside_of_the_mask_and_nothing_else(
    digits: tuple[NDArray[np.bool_], NDArray[np.uint8]],
) -> None:
    masks, labels = digits
    images = painted(masks, labels, 0)
    for inside in (masks, ~masks):
        for row, whole in enumerate(extended(images, inside * np.uint8(255))):
            (color,) = np.unique(whole.reshape(-1, 3), axis=0)
            np.testing.assert_array_equal(color, images[row][inside[row]][0])


def test_an_empty_mask_keeps_the_image() -> None:
    image = np.arange(32 * 32 * 3, dtype=np.int64).astype(np.uint8).reshape(1, 32, 32, 3)
    np.testing.assert_array_equal(extended(image, np.zeros((1, 32, 32), np.uint8)), image)
