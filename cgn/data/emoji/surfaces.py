"""Nine families of object surfaces, one for each class of IN-9: the shortcut of a texture-biased classifier.

Each family has its palette; scale, angle, phase and colours differ between images.
"""

import numpy as np
from numpy.typing import NDArray

from cgn.data.emoji.fields import (
    Family,
    Field,
    Painting,
    axes,
    color,
    fractal,
    length,
    mix,
    noise,
    paint,
    step,
    turned_axes,
    wave,
)


def _period(random: np.random.Generator, low: float, high: float) -> np.float32:
    return np.float32(random.uniform(low, high))


def stripes(random: np.random.Generator, side: int) -> Painting:
    """Parallel stripes, orange on cream."""
    u, _ = turned_axes(random, side)
    bands = step(wave(u / _period(random, 0.13, 0.22)) - np.float32(random.uniform(0.4, 0.6)), 0.08)
    return mix(color(random, 250, 225, 170), color(random, 235, 115, 20), bands)


def dots(random: np.random.Generator, side: int) -> Painting:
    """Yellow dots in shifted rows on purple."""
    u, v = turned_axes(random, side)
    period = _period(random, 0.15, 0.23)
    row = np.floor(v / period)
    u = u / period + row * np.float32(0.5)
    distance = length(u - np.floor(u) - np.float32(0.5), v / period - row - np.float32(0.5))
    spots = step(np.float32(random.uniform(0.26, 0.34)) - distance, 0.06)
    return mix(color(random, 110, 40, 150), color(random, 255, 225, 60), spots)


def checks(random: np.random.Generator, side: int) -> Painting:
    """A chequerboard, dark blue and white."""
    u, v = turned_axes(random, side)
    period = _period(random, 0.2, 0.32)
    across, down = wave(u / period) - np.float32(0.5), wave(v / period) - np.float32(0.5)
    squares = step(np.sign(across * down) * np.minimum(np.abs(across), np.abs(down)), 0.08)
    return mix(color(random, 25, 40, 110), color(random, 235, 240, 245), squares)


def scales(random: np.random.Generator, side: int) -> Painting:
    """Green scales with dark rims, in overlapping rows."""
    u, v = turned_axes(random, side, random.uniform(-0.6, 0.6))
    period = _period(random, 0.19, 0.28)
    row = np.floor(v * 2 / period)
    down = v / period - row / 2  # 0 to 0.5
    u = u / period + row * np.float32(0.5)
    # Half discs hang from each row and cover those of the next row.
    distance = length(u - np.floor(u) - np.float32(0.5), down)
    upper = distance < np.float32(0.5)
    shine = np.where(upper, down + np.float32(0.5), down)
    scale = mix(color(random, 60, 150, 45), color(random, 200, 230, 80), shine)
    return mix(scale, color(random, 10, 70, 35), upper * step(distance - np.float32(0.4), 0.05))


def zigzag(random: np.random.Generator, side: int) -> Painting:
    """Zigzag bands, pink on dark purple."""
    u, v = turned_axes(random, side)
    height: Field = wave(u / _period(random, 0.2, 0.3)) * _period(random, 0.09, 0.14)
    bands = step(wave((v + height) / _period(random, 0.15, 0.22)) - np.float32(0.5), 0.1)
    return mix(color(random, 70, 5, 45), color(random, 245, 70, 150), bands)


def grid(random: np.random.Generator, side: int) -> Painting:
    """A grid of light lines on teal."""
    u, v = turned_axes(random, side)
    period = _period(random, 0.13, 0.19)
    lines = np.maximum(wave(u / period), wave(v / period))
    return mix(
        color(random, 20, 150, 165),
        color(random, 225, 250, 240),
        step(lines - np.float32(random.uniform(0.68, 0.76)), 0.08),
    )


def wood(random: np.random.Generator, side: int) -> Painting:
    """Brown wood with bent growth rings."""
    x, y = axes(side)
    angle = random.uniform(0, np.pi)
    along, across = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    bent = x * across - y * along + np.float32(random.uniform(0.1, 0.22)) * noise(random, side, 2, 2)
    rings = wave(bent / _period(random, 0.12, 0.2)) ** 2
    fibre = noise(random, side, 14, 14)
    ground = mix(color(random, 215, 150, 85), color(random, 165, 95, 40), fibre)
    return mix(ground, color(random, 85, 40, 12), rings * np.float32(0.85))


def marble(random: np.random.Generator, side: int) -> Painting:
    """Pale marble with grey veins."""
    u, _ = turned_axes(random, side)
    cloud = fractal(random, side, 4, 4)
    veins = wave(u / _period(random, 0.3, 0.5) + cloud * np.float32(random.uniform(2.0, 3.0))) ** 4
    ground = mix(color(random, 250, 235, 235), color(random, 225, 190, 200), fractal(random, side, 3, 3))
    return mix(ground, color(random, 95, 75, 90), veins)


def rings(random: np.random.Generator, side: int) -> Painting:
    """Concentric rings, yellow on red."""
    x, y = axes(side)
    centre_x, centre_y = random.uniform(0.2, 0.8, 2).astype(np.float32)
    distance: Field = length(x - centre_x, y - centre_y)
    bands = step(
        wave(distance / _period(random, 0.13, 0.2) + random.random(dtype=np.float32)) - np.float32(0.5), 0.1
    )
    return mix(color(random, 170, 15, 20), color(random, 255, 205, 90), bands)


# In the order of the classes: dog, bird, wheeled vehicle, reptile, carnivore, insect, musical instrument,
# primate, fish.
SURFACES: tuple[Family, ...] = (stripes, dots, checks, scales, zigzag, grid, wood, marble, rings)


def draw_surface(family: int, random: np.random.Generator, resolution: int) -> NDArray[np.float32]:
    """Paints an image with a surface of family 0 to 8, float32 (resolution, resolution, 3) in [0, 1]."""
    return paint(SURFACES[family], random, resolution)
