"""Stage `imagenet_world`: labelled images in splits, and where the world has them IN-9 and cue conflict."""

import logging
from functools import partial
from pathlib import Path

from stages.command import run, section

OUTPUT = Path("data/imagenet/world")

_log = logging.getLogger(__name__)


def main() -> None:
    """Draw the emoji world, or make one of photos: a folder's, or ImageNet's."""
    if section("imagenet.world") == "emoji":
        _emoji()
    else:
        _photos()


def _emoji() -> None:
    """Draw the splits with both shortcuts, the IN-9 variants and the cue-conflict stimuli."""
    seed = section("seed")
    world = section("imagenet.emoji")
    budget = section("budgets.imagenet_world")

    from cgn.data.class_maps import IN9_CLASSES
    from cgn.data.emoji.cue_conflict_set import write_cue_conflict_set
    from cgn.data.emoji.glyphs import ATTRIBUTION
    from cgn.data.emoji.in9_set import write_in9_set
    from cgn.data.emoji.world import Split, render
    from cgn.io.arrays import write_arrays
    from cgn.io.files import atomic_path, write_json

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
    write_json(OUTPUT / "classes.json", IN9_CLASSES)
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
        temporary.write_text(ATTRIBUTION, encoding="utf-8")
    _log.info("%s images, IN-9 and cue conflict are in %s", sizes, OUTPUT)


def _photos() -> None:
    """Index all photos, and make small images of as many as the budget says."""
    name = section("imagenet.world")
    folder, ilsvrc = section("imagenet.folder"), section("imagenet.ilsvrc")
    budget = section("budgets.imagenet_world")
    published = {"in9": section("assets.in9"), "cue_conflict": section("assets.cue_conflict")}

    from cgn.data.left_out import leave_out
    from cgn.data.photos.folder import class_names, index_folder
    from cgn.data.photos.ilsvrc import index_ilsvrc
    from cgn.data.photos.index import SPLITS, write_index
    from cgn.data.photos.photos import read_photos
    from cgn.data.photos.published_sets import unpack_set
    from cgn.errors import UserError
    from cgn.io.arrays import write_arrays
    from cgn.io.assets import Asset, local_file
    from cgn.io.files import located, write_json

    world = folder if name == "folder" else ilsvrc
    if world.path is None:
        key = "imagenet.folder.path" if name == "folder" else "imagenet.ilsvrc.path"
        raise UserError(f"params.yaml: {key}: not set; world {name} needs a folder of photos")
    root = located(world.path)
    if name == "folder":
        entries = index_folder(root, folder.validation, folder.test)
    else:
        entries = index_ilsvrc(root, ilsvrc.validation)
    write_index(OUTPUT / "index.csv", entries)
    classes = class_names(entries)
    write_json(OUTPUT / "classes.json", classes)
    sizes = dict(zip(SPLITS, (budget.train, budget.validation, budget.test), strict=True))
    for split, most in sizes.items():
        chosen = [entry for entry in entries if entry.split == split][:most]
        write_arrays(OUTPUT / f"{split}.safetensors", read_photos(root, chosen, classes, world.resolution))
    for test_set, asset in published.items():
        if name == "imagenet":
            archive = local_file(Asset(**asset.model_dump()))
            unpack_set(archive, OUTPUT / test_set, world.resolution)
        else:
            leave_out(OUTPUT / test_set, "photos have no masks, of which such a set is made")
    _log.info("%d photos of %d classes are indexed, the world is in %s", len(entries), len(classes), OUTPUT)


if __name__ == "__main__":
    run(main)
