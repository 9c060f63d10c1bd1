"""Test sets of held-out photos, and scores on them. Not a stage: `make photos` runs it after the graph."""

import logging
from pathlib import Path

from stages.command import run, section

WORLD = Path("data/imagenet/world")
FACTORS = Path("data/imagenet/factors")
SETS = Path("data/imagenet/photo_sets")
CLASSIFIERS = Path("models/imagenet/classifiers")
OUTPUT = Path("scores/imagenet/photos.json")

log = logging.getLogger(__name__)


def main() -> None:
    """Compose IN-9 and cue conflict of the test split, and score the classifiers of photos on them."""
    seed, patches = section("seed"), section("imagenet.abduction.texture")

    from cgn.evaluation.class_matching import labels_of_outputs
    from cgn.evaluation.photo_scores import answers_on_sets, scores_of
    from cgn.generators.photos.factors import read_factors, test_split
    from cgn.generators.photos.test_sets import write_cue_conflict_set, write_in9_set
    from cgn.io.files import atomic_folder, read_json, write_json
    from cgn.networks.image_classifier import image_classifier, load_networks

    factors, classes = read_factors(WORLD, FACTORS, test_split(WORLD)), read_json(WORLD / "classes.json")
    with atomic_folder(SETS) as folder:
        write_in9_set(folder / "in9", factors, classes, seed)
        write_cue_conflict_set(folder / "cue_conflict", factors, classes, patches, seed)
    scores = {}
    for name in ("in", "mixed_abducted", "ensemble_abducted"):
        for row, loaded in load_networks(CLASSIFIERS / name).items():
            classifier = image_classifier(*loaded)
            found, labels = answers_on_sets(classifier, SETS, classes), labels_of_outputs(classifier, classes)
            scores[row] = scores_of(classifier, factors, classes, labels, found, seed)
            gap = scores[row]["in9"]["overall"]["bg_gap"]["value"]
            log.info("%s: top-1 %.1f, BG-Gap %.1f", row, scores[row]["top1"]["overall"]["value"], gap)
    write_json(OUTPUT, scores)


if __name__ == "__main__":
    run(main)
