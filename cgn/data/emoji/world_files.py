"""Writes the files of the emoji world: splits, IN-9 and cue-conflict sets, names of the classes."""

import logging
from functools import partial
from pathlib import Path

from cgn.data.class_maps import IN9_CLASSES
from cgn.data.emoji.glyphs import ATTRIBUTION
from cgn.data.emoji.in9_and_cue_conflict import write_cue_conflict_set, write_in9_set
from cgn.data.emoji.world import Split, render
from cgn.data.params import EmojiParams, WorldBudget
from cgn.io.arrays import write_arrays
from cgn.io.files import atomic_path, write_json

log = logging.getLogger(__name__)


def write_emoji_world(folder: Path, world: EmojiParams, budget: WorldBudget, seed: int) -> None:
    """Writes the splits with both shortcuts, the IN-9 variants and the cue-conflict stimuli to `folder`.

    The training split also has the images in `other_styles` of `render`. What is tuned is tuned on
    `validation_random_cues`, whose cues are random, and never on IN-9 or cue conflict. `in9_random_surfaces`
    is IN-9 with a surface at random on each object.
    """
    size = world.resolution
    draw = partial(render, resolution=size, seed=seed)
    sizes: dict[Split, int] = {
        "train": budget.train,
        "validation": budget.validation,
        "validation_random_cues": budget.validation,
        "test_poses": budget.test,
        "test_glyphs": budget.test,
    }
    for split, count in sizes.items():
        correlated = split != "validation_random_cues"
        arrays = draw(
            split,
            0,
            count,
            background_correlation=world.background_correlation * correlated,
            surface_correlation=world.surface_correlation * correlated,
            other_styles=split == "train",
        )
        write_arrays(folder / f"{split}.safetensors", arrays)
    write_json(folder / "classes.json", IN9_CLASSES)
    per_class, per_pair = budget.in9_images_per_class, budget.cue_conflict_images_per_pair
    of_in9 = partial(write_in9_set, images_per_class=per_class, resolution=size, seed=seed)
    of_in9(folder / "in9")
    of_in9(folder / "in9_random_surfaces", random_surfaces=True)
    write_cue_conflict_set(folder / "cue_conflict", images_per_pair=per_pair, resolution=size, seed=seed)
    with atomic_path(folder / "ATTRIBUTION.md") as temporary:
        temporary.write_text(ATTRIBUTION, encoding="utf-8")
    log.info("%s images, IN-9 and cue conflict are in %s", sizes, folder)
