"""Stage `imagenet_world`: a miniature ImageNet-9 with two shortcuts, its IN-9 and its cue-conflict set."""

import logging
from functools import partial
from pathlib import Path

from stages.command import run, section

OUTPUT = Path("data/imagenet/world")

_log = logging.getLogger(__name__)


def main() -> None:
    """Draw the splits with both shortcuts, the IN-9 variants and the cue-conflict stimuli."""
    seed = section("seed")
    world = section("imagenet.emoji")
    budget = section("budgets.imagenet_world")

    from cgn.common.arrays import write_arrays
    from cgn.common.files import atomic_path
    from cgn.imagenet.worlds.cue_conflict_set import write_cue_conflict_set
    from cgn.imagenet.worlds.emoji import Split, render
    from cgn.imagenet.worlds.glyphs import ATTRIBUTION
    from cgn.imagenet.worlds.in9_set import write_in9_set

    draw = partial(
        render,
        resolution=world.resolution,
        background_correlation=world.background_correlation,
        seed=seed,
    )
    sizes: dict[Split, int] = {
        "train": budget.train,
        "validation": budget.validation,
        "test_poses": budget.test,
        "test_glyphs": budget.test,
    }
    for split, count in sizes.items():
        arrays = draw(split, 0, count, surface_correlation=world.surface_correlation)
        if split == "train":
            # The same objects and backgrounds under surfaces that tell nothing, for the classifiers `sin`.
            arrays["restyled"] = draw(split, 0, count, surface_correlation=0.0)["images"]
        write_arrays(OUTPUT / f"{split}.safetensors", arrays)
    write_in9_set(
        OUTPUT / "in9", images_per_class=budget.in9_images_per_class, resolution=world.resolution, seed=seed
    )
    write_cue_conflict_set(
        OUTPUT / "cue_conflict",
        images_per_pair=budget.cue_conflict_images_per_pair,
        resolution=world.resolution,
        seed=seed,
    )
    with atomic_path(OUTPUT / "ATTRIBUTION.md") as temporary:
        temporary.write_text(ATTRIBUTION)
    _log.info("%s images, IN-9 and cue conflict are in %s", sizes, OUTPUT)


if __name__ == "__main__":
    run(main)
