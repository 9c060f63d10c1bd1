"""Stage `score_photos`: how much the classifiers of photos lean on background and texture."""

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
    """Score the plain classifier, mixed backgrounds, the ensemble and its heads on held-out photos."""
    seed = section("seed")

    from cgn.evaluation.class_matching import labels_of_outputs
    from cgn.evaluation.photo_scores import answers_on_sets, scores_of
    from cgn.generators.photos.factors import read_factors, test_split
    from cgn.io.files import read_json, write_json
    from cgn.networks.image_classifier import image_classifier, load_networks

    factors, classes = read_factors(WORLD, FACTORS, test_split(WORLD)), read_json(WORLD / "classes.json")
    scores = {}
    for folder in ("in", "mixed_abducted", "ensemble_abducted"):
        for name, loaded in load_networks(CLASSIFIERS / folder).items():
            classifier = image_classifier(*loaded)
            found = answers_on_sets(classifier, SETS, classes)
            labels = labels_of_outputs(classifier, classes)
            scores[name] = scores_of(classifier, factors, classes, labels, found, seed)
            gap = scores[name]["in9"]["overall"]["bg_gap"]["value"]
            log.info("%s: top-1 %.1f, BG-Gap %.1f", name, scores[name]["top1"]["overall"]["value"], gap)
    write_json(OUTPUT, scores)


if __name__ == "__main__":
    run(main)
