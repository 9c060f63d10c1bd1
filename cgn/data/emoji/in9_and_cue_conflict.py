"""Writes the two test sets of the `emoji` world, in the folders and file names of the published sets.

The published IN-9 needed segmentation and in-painting, the published cue conflict style transfer. Here masks
and whole backgrounds are known, and shape and surface are drawn separately.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cgn.data.class_maps import IN9_CLASSES
from cgn.data.composites import (
    GREY,
    Bytes,
    background_variants,
    bounding_box,
    compose_bytes,
    in9_file,
    in9_variants,
    write_image,
)
from cgn.data.emoji.glyphs import TRAINING_GLYPHS
from cgn.data.emoji.world import CLASSES, draw_foreground, draw_scenery, draw_shape
from cgn.io.files import atomic_folder
from cgn.seeding import indexed_uniforms

# The published names have spaces: "02_wheeled vehicle".
FOLDERS = tuple(f"{label:02d}_{name.replace('_', ' ')}" for label, name in enumerate(IN9_CLASSES))


def write_in9_set(
    folder: Path, *, images_per_class: int, resolution: int, seed: int, random_surfaces: bool = False
) -> None:
    """Writes `<variant>/val/<00_dog .. 08_fish>/0000.png` ..., `images_per_class` in each, to a new `folder`.

    Image n of a class shows the same object in every variant: a training glyph at a random pose. Its surface
    is of its class, as in the published set, or of a class at random. Both sets have the same backgrounds.
    """
    with atomic_folder(folder) as temporary:
        for label, name in enumerate(FOLDERS):
            for number in range(images_per_class):
                index = number * CLASSES + label  # a small set equals the beginning of a large one
                images = in9_images(
                    label, index, resolution=resolution, seed=seed, random_surface=random_surfaces
                )
                for variant, image in images:
                    write_image(temporary / in9_file(variant, name, number), image)


def in9_images(
    label: int, index: int, *, resolution: int, seed: int, random_surface: bool = False
) -> Iterator[tuple[str, Bytes]]:
    """Yields name and image uint8 (r, r, 3) of each variant of object `index`, which has class `label`.

    The original is on a background of the class; random classes, of mixed_rand's background and of a
    `random_surface`, are of all nine.
    """
    glyph_draw, random_class = indexed_uniforms(seed, "emoji/in9/labels", index, index + 1, 2)[0]
    glyph = TRAINING_GLYPHS[label][int(glyph_draw * len(TRAINING_GLYPHS[label]))]
    shape = draw_shape(seed, "in9", index, glyph, resolution)
    (surface_draw,) = indexed_uniforms(seed, "emoji/in9/surfaces", index, index + 1, 1)[0]
    family = int(surface_draw * CLASSES) if random_surface else label
    mask, surface = shape.mask, draw_foreground(seed, "in9", index, family, shape)
    own = draw_scenery(seed, "in9/original", index, label, resolution)
    families = {
        "mixed_same": label,
        "mixed_rand": int(random_class * CLASSES),
        "mixed_next": (label + 1) % CLASSES,
    }
    others = {
        variant: draw_scenery(seed, f"in9/{variant}", index, family, resolution)
        for variant, family in families.items()
    }
    original = compose_bytes(mask, surface, own)
    yield from in9_variants(original, mask, surface, own, others)
    yield from background_variants(original, bounding_box(mask))


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
            name = f"{shape}{stimulus.number}-{surface}{stimulus.number}.png"
            write_image(temporary / shape / name, stimulus.image)


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
