"""Coordinates, noise and colours, with which surfaces and backgrounds are painted.

A field is float32 (side, side). A painting is float32 (3, side, side) in [0, 1], channels first for speed.
Lengths are in widths of the image, so a family looks the same at every resolution.
"""

import colorsys
from collections.abc import Callable
from functools import cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SUPERSAMPLING = 2  # a pixel of the image is the mean of so many painted pixels in each direction

Field: TypeAlias = NDArray[np.float32]
Painting: TypeAlias = NDArray[np.float32]
Color: TypeAlias = NDArray[np.float32]  # red, green, blue in [0, 1], (3, 1, 1)
Family: TypeAlias = Callable[[np.random.Generator, int], Painting]  # (random, side) -> painting


def paint(family: Family, random: np.random.Generator, resolution: int) -> NDArray[np.float32]:
    """Paints an image of a family, float32 (resolution, resolution, 3) in [0, 1]."""
    fine = family(random, resolution * SUPERSAMPLING)
    # Two means over one axis each are faster than one mean over both.
    rows = fine.reshape(3, resolution, SUPERSAMPLING, -1).mean(axis=2)
    small = rows.reshape(3, resolution, resolution, SUPERSAMPLING).mean(axis=3)
    return np.asarray(np.clip(small.transpose(1, 2, 0), 0, 1))


def to_bytes(image: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Converts an image in [0, 1] to uint8, rounded."""
    return np.asarray(np.rint(image * np.float32(255)), dtype=np.uint8)


@cache
def axes(side: int) -> tuple[Field, Field]:
    """The coordinates of pixel centres: x from left to right and y from top to bottom, 0 to 1."""
    centres = ((np.arange(side) + 0.5) / side).astype(np.float32)
    return np.tile(centres, (side, 1)), np.tile(centres[:, None], (1, side))


def turned_axes(random: np.random.Generator, side: int, angle: float | None = None) -> tuple[Field, Field]:
    """Two perpendicular coordinates with a random origin, turned by `angle` (radians; random by default)."""
    x, y = axes(side)
    turn = random.uniform(0, 2 * np.pi) if angle is None else angle
    cosine, sine = np.float32(np.cos(turn)), np.float32(np.sin(turn))
    along, across = random.random(2, dtype=np.float32)
    return x * cosine + y * sine + along, y * cosine - x * sine + across


def noise(random: np.random.Generator, side: int, columns: int, rows: int) -> Field:
    """Smooth noise in [0, 1]: a random grid with `rows` by `columns` cells, interpolated."""
    grid = random.random((rows + 1, columns + 1), dtype=np.float32)
    smooth = Image.fromarray(grid).resize((side, side), Image.Resampling.BICUBIC)
    return np.asarray(np.clip(np.asarray(smooth), 0, 1))


def fractal(random: np.random.Generator, side: int, columns: int, rows: int) -> Field:
    """The weighted mean of three octaves of noise, in [0, 1]; the coarsest has the given grid."""
    coarse, middle, fine = (noise(random, side, columns << octave, rows << octave) for octave in range(3))
    return np.asarray(np.float32(4 / 7) * coarse + np.float32(2 / 7) * middle + np.float32(1 / 7) * fine)


def step(value: Field, width: float) -> Field:
    """A linear step: 0 below -width, 1 above width, a ramp between."""
    return np.asarray(np.clip(value * np.float32(0.5 / width) + np.float32(0.5), 0, 1))


def wave(phase: Field) -> Field:
    """A triangle wave of period 1: 0 at integers, 1 halfway between."""
    return 1 - np.abs(2 * (phase - np.floor(phase)) - 1)


def length(x: Field, y: Field) -> Field:
    """The Euclidean length of vectors (x, y). np.hypot is slower, because it guards against overflow."""
    return np.sqrt(x * x + y * y)


def color(random: np.random.Generator, red: int, green: int, blue: int, spread: float = 1.0) -> Color:
    """A random colour near (red, green, blue), 0 to 255 each; `spread` scales the deviation."""
    hue, saturation, value = colorsys.rgb_to_hsv(red / 255, green / 255, blue / 255)
    hue += spread * random.uniform(-0.04, 0.04)
    saturation = min(saturation * (1 + spread * random.uniform(-0.25, 0.15)), 1)
    value = min(value * (1 + spread * random.uniform(-0.18, 0.12)), 1)
    return np.array(colorsys.hsv_to_rgb(hue % 1, saturation, value), dtype=np.float32)[:, None, None]


def mix(under: Painting | Color, over: Painting | Color, share: Field) -> Painting:
    """Blends: `under` where `share` is 0, `over` where `share` is 1."""
    return under + share * (over - under)
