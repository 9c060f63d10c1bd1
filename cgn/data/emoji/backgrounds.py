"""Nine families of backgrounds, one for each class of IN-9. Layout and colours differ between images."""

import itertools

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

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
    to_bytes,
    turned_axes,
    wave,
)


def grass(random: np.random.Generator, side: int) -> Painting:
    """Green ground with lighter blades of grass."""
    _, y = axes(side)
    blades = noise(random, side, 40, 9) * np.float32(0.7) + noise(random, side, 12, 5) * np.float32(0.3)
    ground = mix(color(random, 60, 140, 40), color(random, 25, 90, 25), y)
    return mix(ground, color(random, 165, 215, 80), step(blades - np.float32(0.55), 0.3))


def sky(random: np.random.Generator, side: int) -> Painting:
    """Blue sky, paler towards the bottom, with clouds."""
    _, y = axes(side)
    blue = mix(color(random, 60, 130, 220), color(random, 165, 210, 245), y)
    clouds = step(fractal(random, side, 3, 4) - np.float32(random.uniform(0.5, 0.6)), 0.12)
    return mix(blue, color(random, 250, 250, 252, spread=0.3), clouds)


def bricks(random: np.random.Generator, side: int) -> Painting:
    """A brick wall."""
    x, y = axes(side)
    height = np.float32(random.uniform(0.1, 0.15))
    shift_x, shift_y = random.random(2, dtype=np.float32)
    row = np.floor(y / height + shift_y)
    u = x / (height * np.float32(2.2)) + shift_x + row * np.float32(0.5)
    column = np.floor(u)
    edge = np.minimum(
        _edge_distance(u - column) * np.float32(2.2), _edge_distance(y / height + shift_y - row)
    )
    tones = random.random((32, 32), dtype=np.float32)
    tone = tones[row.astype(np.int64) % 32, column.astype(np.int64) % 32]
    wall = mix(color(random, 150, 60, 45), color(random, 190, 105, 80), tone)
    return mix(color(random, 205, 195, 185), wall, step(edge - np.float32(0.1), 0.05))


def dunes(random: np.random.Generator, side: int) -> Painting:
    """Four rows of rippled sand dunes."""
    x, y = axes(side)
    painting = mix(color(random, 250, 225, 165), color(random, 245, 205, 135), y)
    light, shade = color(random, 235, 190, 110), color(random, 165, 110, 55)
    ripples = wave(y * np.float32(random.uniform(9, 13)) + noise(random, side, 4, 4) * 2)
    for crest in np.sort(random.uniform(0.05, 0.95, 4)).astype(np.float32):
        bend = wave(x * np.float32(random.uniform(0.5, 1.2)) + random.random(dtype=np.float32))
        depth = y - crest - np.float32(random.uniform(0.08, 0.22)) * bend * bend
        sand = mix(shade, light, np.clip(depth * 4 + np.float32(0.2), 0, 1) - ripples * np.float32(0.3))
        painting = mix(painting, sand, step(depth, 0.01))
    return painting


def snow(random: np.random.Generator, side: int) -> Painting:
    """Three snowy hills below a grey sky, with flakes."""
    x, y = axes(side)
    painting = mix(color(random, 150, 165, 190), color(random, 205, 215, 230), y)
    white, blue = color(random, 250, 252, 255, spread=0.3), color(random, 190, 210, 235)
    for crest in np.sort(random.uniform(0.2, 0.9, 3)).astype(np.float32):
        bend = wave(x * np.float32(random.uniform(0.4, 1.0)) + random.random(dtype=np.float32))
        depth = y - crest - np.float32(random.uniform(0.05, 0.2)) * bend * bend
        painting = mix(painting, mix(white, blue, np.clip(depth * 3, 0, 1)), step(depth, 0.01))
    return mix(painting, white, _specks(random, side, 40, 0.012, 0.022))


def pebbles(random: np.random.Generator, side: int) -> Painting:
    """Pebbles with dark gaps: Voronoi cells of one random point in each square of a lattice (Worley 1996)."""
    u, v = turned_axes(random, side)
    stones_across = np.float32(random.uniform(5.5, 8))
    # The axes run from -1.5 to 2.5; the offset keeps places and their neighbours inside 48 x 48 squares.
    u, v = u * stones_across + 14, v * stones_across + 14
    column, row = np.floor(u), np.floor(v)
    place = (row * 48 + column).astype(np.int64)
    at_u, at_v, tones = random.random((3, 48 * 48), dtype=np.float32)
    nearest = second = np.full((side, side), 9, dtype=np.float32)
    tone = np.zeros((side, side), dtype=np.float32)
    u, v = u - column, v - row
    for right, down in itertools.product((-1, 0, 1), repeat=2):
        square = place + (48 * down + right)
        distance = length(right - u + at_u.take(square), down - v + at_v.take(square))
        tone = np.where(distance < nearest, tones.take(square), tone)
        second = np.minimum(second, np.maximum(nearest, distance))
        nearest = np.minimum(nearest, distance)
    stones = mix(color(random, 105, 105, 110), color(random, 200, 195, 190), tone)
    return mix(color(random, 55, 50, 50), stones, step(second - nearest - np.float32(0.15), 0.1))


def night(random: np.random.Generator, side: int) -> Painting:
    """A night sky with nebulae and stars."""
    _, y = axes(side)
    dark = mix(color(random, 6, 8, 30), color(random, 35, 30, 85), y)
    sky = mix(dark, color(random, 85, 50, 120), step(fractal(random, side, 3, 3) - np.float32(0.62), 0.2))
    return mix(sky, color(random, 250, 245, 215, spread=0.4), _specks(random, side, 45, 0.006, 0.018))


def forest(random: np.random.Generator, side: int) -> Painting:
    """Three rows of firs; nearer rows are larger and darker."""
    x, y = axes(side)
    painting = mix(color(random, 150, 175, 160), color(random, 105, 140, 115), y)
    for distance in range(3):
        width = np.float32(random.uniform(0.14, 0.2) * (1 + 0.35 * distance))
        position = x / width + random.random(dtype=np.float32)
        height = random.uniform(0.22, 0.5, 32).astype(np.float32)[np.floor(position).astype(np.int64)]
        ground = np.float32(0.5 + 0.28 * distance + random.uniform(-0.05, 0.05))
        boughs = np.float32(0.05) * wave(y * np.float32(11))
        tree = y - ground + height * wave(position) + boughs
        fir = color(random, 70 - 22 * distance, 115 - 32 * distance, 75 - 22 * distance)
        painting = mix(painting, fir, step(tree, 0.015))
    return painting


def sea(random: np.random.Generator, side: int) -> Painting:
    """Waves with foam."""
    x, y = axes(side)
    water = mix(color(random, 20, 95, 150), color(random, 10, 45, 105), y)
    swell = noise(random, side, 5, 4) * np.float32(1.4)
    crests = wave(y * np.float32(random.uniform(6, 9)) + swell + np.float32(random.uniform(-0.6, 0.6)) * x)
    painting = mix(water, color(random, 70, 170, 195), crests**2 * np.float32(0.75))
    foam = step(crests + noise(random, side, 9, 14) - np.float32(1.55), 0.12)
    return mix(painting, color(random, 235, 250, 250, spread=0.4), foam)


def _edge_distance(fraction: Field) -> Field:
    """The distance of numbers in [0, 1] to the nearer end."""
    return np.minimum(fraction, 1 - fraction)


def _specks(random: np.random.Generator, side: int, count: int, smallest: float, largest: float) -> Field:
    """Draws discs at random places, 1 inside and 0 outside; small radii are more frequent."""
    canvas = Image.new("L", (4 * side, 4 * side))
    draw = ImageDraw.Draw(canvas)
    radii = smallest + (largest - smallest) * random.random(count) ** 2
    for x, y, radius in zip(random.random(count), random.random(count), radii, strict=True):
        box = [4 * side * float(edge) for edge in (x - radius, y - radius, x + radius, y + radius)]
        draw.ellipse(box, fill=255)
    return np.asarray(canvas.reduce(4), dtype=np.float32) / np.float32(255)


# In the order of the classes: dog, bird, wheeled vehicle, reptile, carnivore, insect, musical instrument,
# primate, fish.
BACKGROUNDS: tuple[Family, ...] = (grass, sky, bricks, dunes, snow, pebbles, night, forest, sea)


def draw_background(family: int, random: np.random.Generator, resolution: int) -> NDArray[np.uint8]:
    """Draws a background of family 0 to 8, uint8 (resolution, resolution, 3)."""
    return to_bytes(paint(BACKGROUNDS[family], random, resolution))
