"""The `emoji` world: a miniature ImageNet-9 whose masks, backgrounds and shortcuts are known exactly.

An image is x = m f + (1 - m) b (Eq. 2), with an object's mask m, its surface f and a background b. Surface
and background are shortcuts: with given probabilities their families are the class's own, else uniform over
the nine. Each part of an image depends on the seed, the split and the image's index only, so the correlations
do not change the objects.
"""

from functools import partial
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from cgn.data.class_maps import IN9_CLASSES
from cgn.data.composites import Bytes, compose_bytes
from cgn.data.emoji.backgrounds import draw_background
from cgn.data.emoji.fields import to_bytes
from cgn.data.emoji.glyphs import HELD_OUT_GLYPHS, OTHER_GLYPHS, TRAINING_GLYPHS, Pose, place
from cgn.data.emoji.surfaces import draw_surface
from cgn.seeding import generator, indexed_uniforms

# `other_glyphs`, which only the helper networks see, has other kinds of objects than the world.
Split = Literal["train", "validation", "validation_random_cues", "test_poses", "test_glyphs", "other_glyphs"]
SPLITS: tuple[Split, ...] = get_args(Split)
_GLYPHS = {"test_glyphs": HELD_OUT_GLYPHS, "other_glyphs": OTHER_GLYPHS}  # of other splits: TRAINING_GLYPHS
CLASSES = len(IN9_CLASSES)

SIZES = (0.58, 0.78)  # square root of the area of an object's bounding box, in widths of the image
LARGEST_ANGLE = np.radians(20)
FAINTNESS = 0.45  # share by which the black lines of a drawing darken the surface
DEPTH = 0.75  # share by which black content darkens the style of a restyled image

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

    A correlation is the probability that the cue is the class's own; else it is uniform over all nine.
    """
    uniforms = indexed_uniforms(seed, f"emoji/{split}/labels", start, stop, 6)
    labels = (uniforms[:, 0] * CLASSES).astype(np.int64)
    glyphs_by_class = _GLYPHS.get(split, TRAINING_GLYPHS)
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


def restyled(seed: int, name: str, index: int, family: int, shape: Shape, background: Bytes) -> Bytes:
    """Draws a whole image in the style of one surface: uint8 (r, r, 3).

    It stands for an image of Stylized-ImageNet (Geirhos et al. 2019), whose content keeps its outlines while
    one painting gives all of it colour and texture. The content is the darkness: of the drawing's lines on
    the object, and of the `background` uint8 (r, r, 3) elsewhere.
    """
    style = draw_surface(family, generator(seed, "emoji", name, "style", index), len(shape.mask))
    covered = shape.mask.astype(np.float32) / 255
    behind = 1 - background.astype(np.float32).mean(axis=-1) / 255
    content = covered * shape.darkness + (1 - covered) * behind
    return to_bytes(style * (1 - np.float32(DEPTH) * content)[..., None])


def render(
    split: Split,
    start: int,
    stop: int,
    *,
    resolution: int,
    background_correlation: float,
    surface_correlation: float,
    seed: int,
    other_styles: bool = False,
) -> dict[str, NDArray[Any]]:
    """Renders images `start` to `stop` - 1 of a split, with their factors, as arrays by name.

    `images` and `backgrounds` are uint8 (n, r, r, 3), `masks` uint8 (n, r, r), 255 on the object. `labels`,
    `surface_labels`, `background_labels` (0 to 8) and `glyphs` (Unicode characters) are int64 (n,). With
    `other_styles` there are also `repainted`, the images with a random surface on the object, and `restyled`,
    in the style of a random surface as a whole (`restyled`).
    """
    draw = partial(draw_labels, split, start, stop, background_correlation=background_correlation, seed=seed)
    draws = draw(surface_correlation=surface_correlation)
    random_surfaces = draw(surface_correlation=0.0).surface_labels
    count = stop - start
    names = ["images", "backgrounds", *(["repainted", "restyled"] if other_styles else [])]
    arrays = {name: np.empty((count, resolution, resolution, 3), dtype=np.uint8) for name in names}
    arrays["masks"] = np.empty((count, resolution, resolution), dtype=np.uint8)
    for row, index in enumerate(range(start, stop)):
        shape = draw_shape(seed, split, index, int(draws.glyphs[row]), resolution)
        background = draw_scenery(seed, split, index, int(draws.background_labels[row]), resolution)
        arrays["masks"][row], arrays["backgrounds"][row] = shape.mask, background
        foreground = draw_foreground(seed, split, index, int(draws.surface_labels[row]), shape)
        arrays["images"][row] = compose_bytes(shape.mask, foreground, background)
        if other_styles:
            family = int(random_surfaces[row])
            foreground = draw_foreground(seed, split, index, family, shape)
            arrays["repainted"][row] = compose_bytes(shape.mask, foreground, background)
            arrays["restyled"][row] = restyled(seed, split, index, family, shape, background)
    return arrays | draws._asdict()
