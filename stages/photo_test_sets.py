"""Stage `photo_test_sets`: IN-9 and cue conflict of the world's own held-out images."""

from pathlib import Path

from stages.command import run, section

WORLD = Path("data/imagenet/world")
FACTORS = Path("data/imagenet/factors")
OUTPUT = Path("data/imagenet/photo_sets")


def main() -> None:
    """Compose both sets of the factors of the test split, in the layouts of the published sets."""
    seed, patches = section("seed"), section("imagenet.abduction.texture")

    from cgn.generators.photos.factors import read_factors, test_split
    from cgn.generators.photos.test_sets import write_cue_conflict_set, write_in9_set
    from cgn.io.files import atomic_folder, read_json

    factors, classes = read_factors(WORLD, FACTORS, test_split(WORLD)), read_json(WORLD / "classes.json")
    with atomic_folder(OUTPUT) as folder:
        write_in9_set(folder / "in9", factors, classes, seed)
        write_cue_conflict_set(folder / "cue_conflict", factors, classes, patches, seed)


if __name__ == "__main__":
    run(main)
