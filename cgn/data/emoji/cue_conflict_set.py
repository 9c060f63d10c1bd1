"""The cue-conflict set of the `emoji` world: shapes of each class under the surfaces of each class.

Geirhos et al. (2019), "ImageNet-trained CNNs are biased towards texture", section 2; names as in their set.
There a network transferred the style; here shape and surface are drawn apart.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cgn.data.class_maps import IN9_CLASSES
from cgn.data.emoji.glyphs import TRAINING_GLYPHS
from cgn.data.emoji.world import CLASSES, compose_bytes, draw_foreground, draw_shape
from cgn.io.files import atomic_folder
from cgn.seeding import indexed_uniforms

GREY = 224  # of the background: light, as neither a surface nor a background family is


class Stimulus(NamedTuple):
    """One picture uint8 (r, r, 3), its two classes and the number of shape and surface in their class."""

    shape: int
    surface: int
    number: int
    image: NDArray[np.uint8]


def write_cue_conflict_set(folder: Path, *, images_per_pair: int, resolution: int, seed: int) -> None:
    """Write `<shape>/<shape><n>-<surface><n>.png` of all 81 pairs of classes as a new `folder`.

    n runs from 1 to `images_per_pair`. The nine pairs that agree are there too, as in the published set.
    """
    with atomic_folder(folder) as temporary:
        for stimulus in cue_conflict_images(images_per_pair, resolution=resolution, seed=seed):
            shape, surface = IN9_CLASSES[stimulus.shape], IN9_CLASSES[stimulus.surface]
            path = temporary / shape / f"{shape}{stimulus.number}-{surface}{stimulus.number}.png"
            path.parent.mkdir(exist_ok=True)
            Image.fromarray(stimulus.image).save(path, compress_level=6)


def cue_conflict_images(images_per_pair: int, *, resolution: int, seed: int) -> Iterator[Stimulus]:
    """The stimuli. Shape n of a class, a training glyph at a pose, is the same under every surface, and
    surface n of a class the same on every shape, but for the lines of the drawing."""
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
