"""The `emoji` world: a miniature ImageNet-9 whose masks, backgrounds and shortcuts are known exactly.

An image is x = m f + (1 - m) b (Eq. 2), with an object's mask m, its surface f and a background b. Surface
and background are shortcuts: with given probabilities their families are the class's own, else uniform over
the nine. Each part of an image depends on the seed, the split and the image's index only, so the correlations
do not change the objects.
"""

from typing import Any, Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from cgn.data.class_maps import IN9_CLASSES
from cgn.data.composites import Bytes, compose_bytes
from cgn.data.emoji.backgrounds import draw_background
from cgn.data.emoji.fields import to_bytes
from cgn.data.emoji.glyphs import HELD_OUT_GLYPHS, TRAINING_GLYPHS, Pose, place
from cgn.data.emoji.surfaces import draw_surface
from cgn.seeding import generator, indexed_uniforms

Split = Literal["train", "validation", "test_poses", "test_glyphs"]
SPLITS: tuple[Split, ...] = get_args(Split)
CLASSES = len(IN9_CLASSES)

SIZES = (0.58, 0.78)  # square root of the area of an object's bounding box, in widths of the image
LARGEST_ANGLE = np.radians(20)
FAINTNESS = 0.45  # share by which the black lines of a drawing darken the surface

Integers = NDArray[np.int64]


class Draws(NamedTuple):
    """Class, glyph (a Unicode character) and families of the two cues of n images, (n,) each."""

    labels: Integers
    glyphs: Integers
    surface_labels: Integers
    background_labels: Integers


def draw_labels(
    split: Split,
    start: int,
    stop: int,
    *,
    background_correlation: float,
    surface_correlation: float,
    seed: int,
) -> Draws:
    """Draws class, glyph and cues of images `start` to `stop` - 1 of a split.

    A correlation is the probability that the cue is the class's own; else it is uniform over all nine. The
    split `test_glyphs` has the held-out glyphs, the others have the training glyphs.
    """
    uniforms = indexed_uniforms(seed, f"emoji/{split}/labels", start, stop, 6)
    labels = (uniforms[:, 0] * CLASSES).astype(np.int64)
    glyphs_by_class = HELD_OUT_GLYPHS if split == "test_glyphs" else TRAINING_GLYPHS
    glyphs = [
        glyphs_by_class[label][int(u * len(glyphs_by_class[label]))]
        for label, u in zip(labels, uniforms[:, 1], strict=True)
    ]

    def cue(column: int, correlation: float) -> Integers:
        other = (uniforms[:, column + 1] * CLASSES).astype(np.int64)
        return np.where(uniforms[:, column] < correlation, labels, other)

    return Draws(
        labels,
        np.array(glyphs, dtype=np.int64),
        cue(2, surface_correlation),
        cue(4, background_correlation),
    )


class Shape(NamedTuple):
    """An object without a surface."""

    mask: Bytes  # (r, r), 255 inside
    darkness: NDArray[np.float32]  # of the drawing's lines, (r, r) in [0, 1]


def draw_shape(seed: int, name: str, index: int, glyph: int, resolution: int) -> Shape:
    """Draws shape `index` of the set `name`: a glyph at a random pose."""
    size, angle, mirrored, x, y = generator(seed, "emoji", name, "shape", index).random(5)
    pose = Pose(
        size=SIZES[0] + size * (SIZES[1] - SIZES[0]),
        angle=(2 * angle - 1) * LARGEST_ANGLE,
        mirrored=mirrored < 0.5,
        x=x,
        y=y,
    )
    return Shape(*place(glyph, pose, resolution))


def draw_foreground(seed: int, name: str, index: int, family: int, shape: Shape) -> Bytes:
    """Draws surface `index` of the set `name`, darkened at the lines of a shape: uint8 (r, r, 3)."""
    surface = draw_surface(family, generator(seed, "emoji", name, "surface", index), len(shape.mask))
    return to_bytes(surface * (1 - np.float32(FAINTNESS) * shape.darkness)[..., None])


def draw_scenery(seed: int, name: str, index: int, family: int, resolution: int) -> Bytes:
    """Draws background `index` of the set `name`, uint8 (r, r, 3)."""
    return draw_background(family, generator(seed, "emoji", name, "background", index), resolution)


def render(
    split: Split,
    start: int,
    stop: int,
    *,
    resolution: int,
    background_correlation: float,
    surface_correlation: float,
    seed: int,
) -> dict[str, NDArray[Any]]:
    """Renders images `start` to `stop` - 1 of a split, with their factors, as arrays by name.

    `images` and `backgrounds` are uint8 (n, r, r, 3), `masks` uint8 (n, r, r), 255 on the object. `labels`,
    `surface_labels`, `background_labels` (0 to 8) and `glyphs` (Unicode characters) are int64 (n,).
    """
    draws = draw_labels(
        split,
        start,
        stop,
        background_correlation=background_correlation,
        surface_correlation=surface_correlation,
        seed=seed,
    )
    count = stop - start
    images = np.empty((count, resolution, resolution, 3), dtype=np.uint8)
    masks = np.empty((count, resolution, resolution), dtype=np.uint8)
    backgrounds = np.empty_like(images)
    for row, index in enumerate(range(start, stop)):
        glyph, surface = int(draws.glyphs[row]), int(draws.surface_labels[row])
        shape = draw_shape(seed, split, index, glyph, resolution)
        masks[row] = shape.mask
        foreground = draw_foreground(seed, split, index, surface, shape)
        backgrounds[row] = draw_scenery(seed, split, index, int(draws.background_labels[row]), resolution)
        images[row] = compose_bytes(shape.mask, foreground, backgrounds[row])
    return {"images": images, "masks": masks, "backgrounds": backgrounds, **draws._asdict()}
