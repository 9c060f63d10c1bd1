"""Training images of the segmenters: renders, repainted objects, and backgrounds without an object.

All are corrupted with the faults of generated images: wrong colours, soft edges, blotches and grain. A batch
is a function of the seed, a name and its step only.
"""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from cgn.io.pixels import from_bytes
from cgn.seeding import indexed_integers, seed_for

EMPTY = 0.15  # share of images that are a background without an object
REPAINTED = 0.25  # share of images whose object has one colour or the pattern of a background
FLAT_GROUND = 0.2  # share of the backgrounds of both kinds that have one colour
FLAT_PAINT = 0.7  # share of the repainted objects that have one colour

GAIN = 0.3  # largest change of a channel's contrast
OFFSET = 0.2  # largest change of a channel's brightness, for values in [-1, 1]
GRAIN = 0.1  # largest standard deviation of the noise of pixels
BLOTCHES = 0.2  # largest standard deviation of the noise of blotches
BLOTCH = 8  # width of a blotch in pixels
SOFTENED = 0.5  # share of the images that are blurred


class Renders(NamedTuple):
    """Renders of a world: `images` and `backgrounds` uint8 (n, r, r, 3), `masks` uint8 (n, r, r)."""

    images: NDArray[np.uint8]
    masks: NDArray[np.uint8]
    backgrounds: NDArray[np.uint8]


class Scenes:
    """Minibatches of images (batch, 3, r, r) in [-1, 1] and true masks (batch, 1, r, r) in [0, 1]."""

    def __init__(self, renders: Renders, batch: int, seed: int, name: str, device: torch.device) -> None:
        self._images, self._masks, self._backgrounds = (torch.from_numpy(part).to(device) for part in renders)
        self._batch, self._seed, self._name = batch, seed, name

    def minibatch(self, step: int) -> tuple[Tensor, Tensor]:
        """Draws the images and masks of step 0, 1, ..."""
        draws = torch.Generator().manual_seed(seed_for(self._seed, self._name, "scenes", step))
        rows, other_rows = self._rows(step, "objects"), self._rows(step, "paints")
        masks = self._masks[rows, None].float() / 255
        ground = self._painted(self._backgrounds[rows], draws, FLAT_GROUND)
        paint = self._painted(self._backgrounds[other_rows], draws, FLAT_PAINT)
        kind = torch.rand(self._batch, 1, 1, 1, generator=draws).to(masks.device)
        empty, repainted = kind < EMPTY, kind < EMPTY + REPAINTED
        images = torch.where(repainted, masks * paint + (1 - masks) * ground, from_bytes(self._images[rows]))
        images = torch.where(empty, ground, images)
        return corrupt(images, draws), torch.where(empty, 0.0, masks)

    def _rows(self, step: int, purpose: str) -> Tensor:
        places = (step * self._batch, (step + 1) * self._batch)
        rows = indexed_integers(self._seed, f"{self._name}/{purpose}", *places, len(self._images))
        return torch.from_numpy(rows).to(self._images.device)

    def _painted(self, images: Tensor, draws: torch.Generator, share: float) -> Tensor:
        """Converts images from uint8 (n, r, r, 3), and replaces a `share` of them by one colour each."""
        colors = 2 * torch.rand(len(images), 3, 1, 1, generator=draws) - 1
        flat = torch.rand(len(images), 1, 1, 1, generator=draws) < share
        return torch.where(flat.to(images.device), colors.to(images.device), from_bytes(images))


def corrupt(images: Tensor, draws: torch.Generator) -> Tensor:
    """Blurs, recolours and adds noise to each image of (n, 3, h, w) in [-1, 1], by random amounts.

    `draws` is on the CPU; the images may be on another device.
    """
    count, _, height, width = images.shape

    def uniforms(*shape: int) -> Tensor:
        return torch.rand(count, *shape, 1, 1, generator=draws).to(images)

    # Each image is blended with its blur by a binomial kernel of 5 pixels; an amount of 1 leaves it sharp.
    amount = (uniforms(1) / SOFTENED).clamp(max=1)
    x = torch.lerp(_blurred(images), images, amount)
    x = x * (1 + GAIN * (2 * uniforms(3) - 1)) + OFFSET * (2 * uniforms(3) - 1)
    coarse = torch.randn(count, 3, -(-height // BLOTCH), -(-width // BLOTCH), generator=draws).to(images)
    blotches = functional.interpolate(coarse, size=(height, width), mode="bilinear", align_corners=False)
    grain = torch.randn(images.shape, generator=draws).to(images)
    x = x + BLOTCHES * uniforms(1) ** 2 * blotches + GRAIN * uniforms(1) ** 2 * grain
    return x.clamp(-1, 1)


def _blurred(images: Tensor) -> Tensor:
    row = torch.tensor([1.0, 4.0, 6.0, 4.0, 1.0]).to(images) / 16
    channels = images.shape[1]
    kernel = torch.outer(row, row).expand(channels, 1, 5, 5)
    padded = functional.pad(images, (2, 2, 2, 2), mode="replicate")
    return functional.conv2d(padded, kernel, groups=channels)
