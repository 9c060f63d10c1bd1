"""Writes the two test sets of the `emoji` world, in the folders and file names of the published sets.

IN-9 has the same objects in eight variants (Xiao et al. 2021, "Noise or Signal: the role of image backgrounds
in object recognition", section 2 and their script for only_bg_t). The published set needed segmentation and
inpainting; here masks and whole backgrounds are known.

Cue conflict combines shapes of each class with surfaces of each class (Geirhos et al. 2019, "ImageNet-trained
CNNs are biased towards texture", section 2). The published set used style transfer; here shape and surface
are drawn separately.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cgn.data.class_maps import IN9_CLASSES
from cgn.data.emoji.glyphs import TRAINING_GLYPHS
from cgn.data.emoji.world import CLASSES, compose_bytes, draw_foreground, draw_scenery, draw_shape
from cgn.io.files import atomic_folder
from cgn.seeding import indexed_uniforms

Bytes = NDArray[np.uint8]

# The published names have spaces: "02_wheeled vehicle".
FOLDERS = tuple(f"{label:02d}_{name.replace('_', ' ')}" for label, name in enumerate(IN9_CLASSES))


def write_in9_set(folder: Path, *, images_per_class: int, resolution: int, seed: int) -> None:
    """Writes `<variant>/val/<00_dog .. 08_fish>/0000.png` ..., `images_per_class` in each, to a new `folder`.

    Image n of a class shows the same object in every variant: a training glyph at a random pose, with a
    surface of its class.
    """
    with atomic_folder(folder) as temporary:
        for label, name in enumerate(FOLDERS):
            for number in range(images_per_class):
                index = number * CLASSES + label  # a small set equals the beginning of a large one
                for variant, image in in9_images(label, index, resolution=resolution, seed=seed):
                    path = temporary / variant / "val" / name / f"{number:04d}.png"
                    path.parent.mkdir(parents=True, exist_ok=True)
                    Image.fromarray(image).save(path, compress_level=6)


def in9_images(label: int, index: int, *, resolution: int, seed: int) -> Iterator[tuple[str, Bytes]]:
    """Yields name and image uint8 (r, r, 3) of each variant of object `index`, which has class `label`.

    original: on a background of the class. mixed_same, mixed_rand, mixed_next: on another background of the
    class, of a random class (all nine), of the next class. only_fg: on black. no_fg: the original with the
    object black. only_bg_b: the original with the object's bounding box black. only_bg_t: the original with
    the bounding box filled with tiles of the background.
    """
    glyph_draw, random_class = indexed_uniforms(seed, "emoji/in9/labels", index, index + 1, 2)[0]
    glyph = TRAINING_GLYPHS[label][int(glyph_draw * len(TRAINING_GLYPHS[label]))]
    shape = draw_shape(seed, "in9", index, glyph, resolution)
    mask, surface = shape.mask, draw_foreground(seed, "in9", index, label, shape)
    black = np.zeros_like(surface)
    own = draw_scenery(seed, "in9/original", index, label, resolution)

    def mixed(variant: str, family: int) -> tuple[str, Bytes]:
        return variant, compose_bytes(
            mask, surface, draw_scenery(seed, f"in9/{variant}", index, family, resolution)
        )

    original = compose_bytes(mask, surface, own)
    yield "original", original
    yield mixed("mixed_same", label)
    yield mixed("mixed_rand", int(random_class * CLASSES))
    yield mixed("mixed_next", (label + 1) % CLASSES)
    yield "only_fg", compose_bytes(mask, surface, black)
    yield "no_fg", compose_bytes(mask, black, own)
    box = bounding_box(mask)
    yield "only_bg_b", _filled(original, box, black)
    yield "only_bg_t", _filled(original, box, tiled(original, box))


Box = tuple[slice, slice]  # rows, columns


def bounding_box(mask: Bytes) -> Box:
    """The smallest box that holds every pixel of a mask (r, r) that is not 0."""
    rows, columns = np.nonzero(mask.any(axis=1))[0], np.nonzero(mask.any(axis=0))[0]
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def tiled(image: Bytes, box: Box) -> Bytes:
    """Tiles an image (r, r, 3) with the largest of its four strips above, below and beside a box.

    The box must not fill the image.
    """
    rows, columns = box
    strips = (image[:, : columns.start], image[:, columns.stop :], image[: rows.start], image[rows.stop :])
    tile = max(strips, key=lambda strip: strip.size)
    times = -(-np.array(image.shape[:2]) // tile.shape[:2])
    return np.tile(tile, (*times, 1))[: image.shape[0], : image.shape[1]]


def _filled(image: Bytes, box: Box, filling: Bytes) -> Bytes:
    filled = image.copy()
    filled[box] = filling[box]
    return filled


GREY = 224  # of the background, a light grey that no surface and no background family has


class Stimulus(NamedTuple):
    """One image uint8 (r, r, 3), the classes of its shape and surface, and their number within the class."""

    shape: int
    surface: int
    number: int
    image: NDArray[np.uint8]


def write_cue_conflict_set(folder: Path, *, images_per_pair: int, resolution: int, seed: int) -> None:
    """Writes `<shape>/<shape><n>-<surface><n>.png` of all 81 pairs of classes to a new `folder`.

    n runs from 1 to `images_per_pair`. As in the published set, this includes the nine pairs of equal
    classes.
    """
    with atomic_folder(folder) as temporary:
        for stimulus in cue_conflict_images(images_per_pair, resolution=resolution, seed=seed):
            shape, surface = IN9_CLASSES[stimulus.shape], IN9_CLASSES[stimulus.surface]
            path = temporary / shape / f"{shape}{stimulus.number}-{surface}{stimulus.number}.png"
            path.parent.mkdir(exist_ok=True)
            Image.fromarray(stimulus.image).save(path, compress_level=6)


def cue_conflict_images(images_per_pair: int, *, resolution: int, seed: int) -> Iterator[Stimulus]:
    """Yields the stimuli of all pairs of classes.

    Shape n of a class, a training glyph at a random pose, is the same with every surface. Surface n of a
    class is the same on every shape, except for the lines of the drawing.
    """
    background = np.full((resolution, resolution, 3), GREY, dtype=np.uint8)
    for number in range(1, images_per_pair + 1):
        for shape_class, glyphs in enumerate(TRAINING_GLYPHS):
            index = number * CLASSES + shape_class
            (draw,) = indexed_uniforms(seed, "emoji/cue_conflict/glyphs", index, index + 1, 1)[0]
            glyph = glyphs[int(draw * len(glyphs))]
            shape = draw_shape(seed, "cue_conflict", index, glyph, resolution)
            for surface_class in range(CLASSES):
                surface_index = number * CLASSES + surface_class
                painted = draw_foreground(seed, "cue_conflict", surface_index, surface_class, shape)
                image = compose_bytes(shape.mask, painted, background)
                yield Stimulus(shape_class, surface_class, number, image)
