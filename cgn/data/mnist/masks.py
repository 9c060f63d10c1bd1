"""Masks of real digits, on which the classifier that scores generated masks is trained."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from cgn.data.mnist.variants import VariantParams, upsample
from cgn.seeding import generator


def real_masks(digits: NDArray[np.uint8], threshold: float) -> NDArray[np.bool_]:
    """Binary masks (n, 32, 32) of digits uint8 (n, 28, 28): true where the grey value exceeds `threshold`.

    `threshold` is in [0, 1], for a grey value of 0 to 255.
    """
    return upsample(digits) > threshold * 255


def true_masks(digits: NDArray[np.uint8], params: VariantParams) -> NDArray[np.float32]:
    """The masks (n, 32, 32) in [0, 1] of digits in a variant; grey if the variant has no threshold."""
    if params.binarize_threshold is None:
        return upsample(digits).astype(np.float32) / np.float32(255)
    return real_masks(digits, params.binarize_threshold).astype(np.float32)


def distorted_masks(
    masks: NDArray[np.bool_], amount: float, seed: int, *names: str | int
) -> NDArray[np.bool_]:
    """Distorts each of `masks` (n, 32, 32) by a random linear map about the middle.

    The four coefficients of the map are those of the identity plus normal noise of standard deviation
    `amount`.
    """
    count = len(masks)
    maps = np.zeros((count, 2, 3), np.float32)
    maps[:, :, :2] = np.eye(2) + generator(seed, *names).normal(0, amount, (count, 2, 2))
    grid = functional.affine_grid(torch.from_numpy(maps), [count, 1, *masks.shape[1:]], align_corners=False)
    pixels = torch.from_numpy(masks.astype(np.float32))[:, None]
    distorted: NDArray[np.bool_] = (
        functional.grid_sample(pixels, grid, align_corners=False)[:, 0].gt(0.5).numpy()
    )
    return distorted


def translated_masks(masks: NDArray[np.bool_], reach: int, seed: int, *names: str | int) -> NDArray[np.uint8]:
    """Moves each mask (n, 32, 32) by up to `reach` pixels along either axis; returns uint8 (n, 32, 32, 1).

    Object pixels become 255. Pixels that leave the image are lost; those that enter are 0.
    """
    count, size, _ = masks.shape
    tops, lefts = generator(seed, *names).integers(2 * reach + 1, size=(2, count))
    padded = np.pad(masks, ((0, 0), (reach, reach), (reach, reach)))
    window = np.arange(size)
    rows, columns = tops[:, None] + window, lefts[:, None] + window
    moved = padded[np.arange(count)[:, None, None], rows[:, :, None], columns[:, None, :]]
    grey: NDArray[np.uint8] = moved.astype(np.uint8)[..., None] * np.uint8(255)
    return grey
