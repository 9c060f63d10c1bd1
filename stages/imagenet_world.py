"""Stage `imagenet_world`: labelled images in splits, and IN-9 and cue conflict if the world has them."""

from pathlib import Path

from stages.command import run, section

OUTPUT = Path("data/imagenet/world")


def main() -> None:
    """Draw the emoji world, or make a world of photos from a folder or from ImageNet."""
    seed, name, budget = section("seed"), section("imagenet.world"), section("budgets.imagenet_world")
    emoji, folder, ilsvrc = section("imagenet.emoji"), section("imagenet.folder"), section("imagenet.ilsvrc")
    published = {"in9": section("assets.in9"), "cue_conflict": section("assets.cue_conflict")}

    if name == "emoji":
        from cgn.data.emoji.world_files import write_emoji_world

        write_emoji_world(OUTPUT, emoji, budget, seed)
        return

    from cgn.data.photos.files_world import write_files_world
    from cgn.data.photos.index import index_folder, index_ilsvrc
    from cgn.data.photos.layouts import photo_root
    from cgn.data.photos.own_masks import write_own_masks
    from cgn.data.photos.photos import write_photo_world
    from cgn.errors import UserError
    from cgn.io.assets import local_file
    from cgn.io.files import located
    from cgn.io.image_folders import Skipped

    world = folder if name == "folder" else ilsvrc
    if world.path is None:
        key = "imagenet.folder.path" if name == "folder" else "imagenet.ilsvrc.path"
        raise UserError(f"params.yaml: {key}: not set; world {name} needs a folder of photos")
    place, skipped = located(world.path), Skipped()
    if name == "folder":
        entries = index_folder(place, folder.validation, folder.test, skipped)
        write_photo_world(OUTPUT, photo_root(place), entries, folder.resolution, budget, skipped)
        write_own_masks(OUTPUT, photo_root(place), folder.masks, folder.resolution)
    else:
        entries = index_ilsvrc(place, ilsvrc.validation, skipped)
        archives = {test_set: local_file(asset) for test_set, asset in published.items()}
        write_files_world(OUTPUT, ilsvrc, entries, budget, archives, skipped)


if __name__ == "__main__":
    run(main)
