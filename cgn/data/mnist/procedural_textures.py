"""Paints textures that resemble the "striped" and "veined" photographs of DTD (Cimpoi et al., 2014).

Each class has a fixed design (colours, direction, scale); the seed changes only the paths of stripes and
veins. Lengths are in pixels of the texture, so a larger texture shows more stripes and veins, not larger
ones.
"""

import itertools
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cgn.seeding import generator

Color = tuple[int, int, int]
Field = NDArray[np.float64]  # (size, size), one value for each pixel


class _Stripes(NamedTuple):
    """Stripes on a plain ground. `angle`, in degrees from the horizontal, is the direction of the stripes."""

    ground: Color
    stripe: Color
    accent: Color  # of a thinner line in the middle of every gap
    angle: float
    period: float
    share: float  # share of the period that the stripe covers on average
    share_spread: float  # variation of `share`; if it is large, stripes taper and end
    warp: float  # deviation of the stripes from straight lines
    fur: float  # contrast of the fine streaks along the stripe, which make edges ragged
    accent_share: float = 0.0  # share of the gap that the accent covers; 0: no accent


class _Veins(NamedTuple):
    """A network of veins on a ground that varies between two colours."""

    ground: Color
    other_ground: Color
    vein: Color
    cell: float  # typical distance between main veins
    stretch: float  # length of a cell divided by its width
    angle: float  # direction of the length, degrees
    width: float  # of a main vein
    fine_contrast: float  # of the small veins inside the cells, 0 to 1
    shading: float  # darkening of each cell towards its rim
    warp: float  # displacement of the veins


_RING = 2  # the two nearest points lie at most this many squares away

# fmt: off
_STRIPES = (
    _Stripes((74, 30, 16), (243, 229, 190), (0, 0, 0), 20, 21, 0.27, 0.06, 11, 0.25),
    _Stripes((214, 228, 240), (250, 165, 10), (0, 0, 0), 115, 22, 0.45, 0.06, 6, 0.10),
    _Stripes((205, 120, 40), (40, 18, 8), (240, 200, 140), 70, 15, 0.30, 0.22, 7, 0.50, 0.18),
    _Stripes((232, 58, 108), (22, 14, 18), (0, 0, 0), 60, 14, 0.50, 0.16, 16, 0.15),
    _Stripes((150, 215, 90), (40, 110, 230), (150, 225, 250), 150, 18, 0.42, 0.05, 8, 0.05, 0.25),
    _Stripes((246, 246, 242), (12, 12, 14), (0, 0, 0), 100, 13, 0.52, 0.12, 12, 0.20),
    _Stripes((30, 150, 120), (206, 250, 226), (0, 0, 0), 0, 11, 0.45, 0.10, 5, 0.15),
    _Stripes((150, 140, 196), (80, 30, 110), (250, 140, 60), 135, 24, 0.40, 0.05, 5, 0.20, 0.22),
    _Stripes((226, 192, 160), (168, 84, 66), (0, 0, 0), 90, 19, 0.45, 0.03, 1, 0.45),
    _Stripes((250, 224, 20), (16, 14, 10), (0, 0, 0), 85, 25, 0.48, 0.14, 9, 0.90),
)
_VEINS = (
    _Veins((120, 190, 30), (70, 150, 14), (216, 234, 120), 22, 1.2, 30, 1.3, 0.6, 0.0, 5),
    _Veins((96, 22, 26), (60, 12, 16), (178, 120, 116), 18, 2.5, 60, 1.3, 0.0, 0.0, 14),
    _Veins((160, 206, 200), (90, 150, 146), (18, 44, 48), 15, 1.8, 20, 1.0, 0.2, 0.7, 5),
    _Veins((176, 224, 70), (110, 170, 40), (110, 20, 60), 22, 2.0, 120, 1.4, 0.5, 0.3, 6),
    _Veins((206, 92, 24), (140, 64, 14), (246, 206, 120), 20, 1.3, 70, 1.0, 0.5, 0.0, 4),
    _Veins((206, 206, 60), (140, 148, 30), (34, 36, 12), 13, 1.6, 150, 0.8, 0.0, 0.1, 3),
    _Veins((92, 84, 150), (62, 52, 120), (226, 176, 60), 36, 2.5, 45, 1.2, 0.2, 0.2, 9),
    _Veins((34, 104, 40), (12, 52, 20), (130, 26, 44), 18, 1.6, 80, 1.2, 0.5, 0.3, 5),
    _Veins((40, 180, 214), (20, 130, 176), (20, 56, 76), 26, 1.5, 50, 1.2, 0.9, 0.0, 3),
    _Veins((236, 232, 222), (200, 196, 190), (92, 92, 98), 28, 2.0, 135, 1.3, 0.4, 0.0, 12),
)
# fmt: on


def striped(size: int, seed: int) -> NDArray[np.uint8]:
    """Ten striped textures, uint8 (10, size, size, 3)."""
    return np.stack(
        [_paint_stripes(size, design, generator(seed, "striped", i)) for i, design in enumerate(_STRIPES)]
    )


def veined(size: int, seed: int) -> NDArray[np.uint8]:
    """Ten veined textures, uint8 (10, size, size, 3)."""
    return np.stack(
        [_paint_veins(size, design, generator(seed, "veined", i)) for i, design in enumerate(_VEINS)]
    )


def _paint_stripes(size: int, design: _Stripes, rng: np.random.Generator) -> NDArray[np.uint8]:
    _, across = _axes(size, design.angle)
    bend = design.warp * (_noise(rng, size, 45) + 0.15 * _noise(rng, size, 14))
    streaks = _noise(rng, size, 8, 1.2, design.angle)
    phase = (across + bend) / design.period + rng.random()
    distance = np.abs((phase + 0.05 * design.fur * streaks) % 1 - 0.5) * 2  # 0 mid-stripe, 1 mid-gap
    share = design.share + design.share_spread * _noise(rng, size, 25)
    softness = 2.4 / design.period  # edges about a pixel wide, like a photograph
    stripe = _step((share - distance) / softness)
    image = _mix(_plain(design.ground, size), np.array(design.stripe), stripe)
    if design.accent_share:
        inside = _step((distance - (1 - design.accent_share)) / softness)
        image = _mix(image, np.array(design.accent), inside)
    return _lit(image, rng, size, grain=0.05 + 0.05 * design.fur, streaks=0.08 * design.fur * streaks)


def _paint_veins(size: int, design: _Veins, rng: np.random.Generator) -> NDArray[np.uint8]:
    patches = _step(0.5 * _noise(rng, size, 12) + 0.5)
    image = _mix(_plain(design.ground, size), np.array(design.other_ground), patches)
    warp = (design.warp * _noise(rng, size, 32), design.warp * _noise(rng, size, 32))
    rim, cell_tone = _cells(size, design.cell, design.stretch, design.angle, warp, rng)
    fine_rim, _ = _cells(size, design.cell / 3.2, 1.2, design.angle, warp, rng)
    image *= (1 + 0.35 * design.shading * cell_tone - design.shading * np.exp(-rim / 2.5))[..., None]
    vein = np.array(design.vein)
    image = _mix(image, vein, 0.6 * design.fine_contrast * _step(1.2 - fine_rim))
    thickness = design.width * (1 + 0.35 * _noise(rng, size, 18))
    image = _mix(image, vein, _step(thickness - rim))
    return _lit(image, rng, size, grain=0.06)


def _cells(
    size: int, cell: float, stretch: float, angle: float, warp: tuple[Field, Field], rng: np.random.Generator
) -> tuple[Field, Field]:
    """Voronoi cells of random points: the distance to the nearest rim (pixels), and a tone for each cell.

    On a rim, the nearest and the second nearest point are equally far (Worley 1996).
    """
    along, across = _axes(size, angle)
    # Coordinates in units of one cell, from 0; each unit square has one random point.
    x = (along + warp[0]) / (cell * stretch**0.5)
    y = (across + warp[1]) / (cell / stretch**0.5)
    x, y = x - np.floor(x.min()), y - np.floor(y.min())
    column, row = np.floor(x).astype(np.int64), np.floor(y).astype(np.int64)
    shape = (row.max() + 2 * _RING + 1, column.max() + 2 * _RING + 1)
    point_x, point_y = rng.uniform(0.05, 0.95, (2, *shape))
    point_tone = rng.uniform(-1, 1, shape)

    nearest = np.full((size, size), np.inf)
    second = np.full((size, size), np.inf)
    tone = np.zeros((size, size))
    for down, right in itertools.product(range(-_RING, _RING + 1), repeat=2):
        at = (row + down + _RING, column + right + _RING)
        distance = np.hypot(column + right + point_x[at] - x, row + down + point_y[at] - y)
        closer = distance < nearest
        second = np.where(closer, nearest, np.minimum(second, distance))
        nearest = np.where(closer, distance, nearest)
        tone = np.where(closer, point_tone[at], tone)
    return cell * (second - nearest) / 2, tone


def _axes(size: int, angle: float) -> tuple[Field, Field]:
    """Coordinates along and across a direction, in pixels from the middle."""
    rows, columns = np.mgrid[:size, :size] - (size - 1) / 2
    cosine, sine = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    return columns * cosine + rows * sine, rows * cosine - columns * sine


def _noise(
    rng: np.random.Generator, size: int, length: float, width: float | None = None, angle: float = 0.0
) -> Field:
    """Smooth noise of mean 0 and variance 1; blobs are about `length` by `width` pixels."""
    frequencies = np.fft.fftfreq(size)
    cosine, sine = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    along = frequencies[None, :] * cosine + frequencies[:, None] * sine
    across = frequencies[:, None] * cosine - frequencies[None, :] * sine
    gain = np.exp(-2 * ((along * length) ** 2 + (across * (width or length)) ** 2))
    gain[0, 0] = 0
    noise = np.fft.ifft2(np.fft.fft2(rng.standard_normal((size, size))) * gain).real
    return np.asarray(noise / noise.std())


def _lit(
    image: NDArray[np.float64],
    rng: np.random.Generator,
    size: int,
    grain: float,
    streaks: Field | float = 0.0,
) -> NDArray[np.uint8]:
    """Adds uneven light, `streaks` and grain to an image in 0 to 255, and rounds it to bytes."""
    light = 1 + 0.10 * _noise(rng, size, 40) + streaks + grain * _noise(rng, size, 1.5)
    speckle = 6 * _noise(rng, size, 1.0)
    return np.rint(np.clip(image * light[..., None] + speckle[..., None], 0, 255)).astype(np.uint8)


def _plain(color: Color, size: int) -> NDArray[np.float64]:
    return np.full((size, size, 3), color, dtype=np.float64)


def _mix(image: NDArray[np.float64], color: NDArray[np.int64], share: Field) -> NDArray[np.float64]:
    """Blends `color` into `image` with weight `share`, 0 to 1."""
    return image + share[..., None] * (color - image)


def _step(value: Field) -> Field:
    """A soft step from 0 (value <= 0) to 1 (value >= 1)."""
    clipped = np.clip(value, 0, 1)
    return clipped * clipped * (3 - 2 * clipped)
