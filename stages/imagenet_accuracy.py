"""Stage `imagenet_accuracy`: top-1 and top-5 accuracy of the world's classifiers on held-out images."""

import logging
from pathlib import Path

from stages.command import run, section

WORLD = Path("data/imagenet/world")
CLASSIFIERS = Path("models/imagenet/classifiers")
OUTPUT = Path("scores/imagenet/accuracy.json")
AT_ONCE = 500  # images

log = logging.getLogger(__name__)


def main() -> None:
    """Score every classifier on the test splits, and on what settings are chosen by.

    A world of photos has `test_images`. The emoji world has `test_poses` (training glyphs at held-out poses)
    and `test_glyphs` (held-out glyphs), with shortcuts as in training, and for the choice of settings
    `validation_random_cues`.
    """
    threads = section("threads")

    from cgn.data.emoji.cue_sources import TRAINING_SETS
    from cgn.data.worlds import held_out_splits
    from cgn.errors import UserError
    from cgn.io.files import read_json, write_json
    from cgn.metrics.accuracy import top_accuracy
    from cgn.networks.image_classifier import load_networks

    splits = held_out_splits(WORLD, threads)
    classes, scores = read_json(WORLD / "classes.json"), {}
    for folder in (*TRAINING_SETS, "ensemble", "mixed_abducted", "ensemble_abducted"):
        for name, (network, signature) in load_networks(CLASSIFIERS / folder).items():
            if signature.classes != classes:
                raise UserError(f"{CLASSIFIERS / folder}: of other classes than {WORLD}; run dvc repro")
            scores[name] = {
                name_of_split: top_accuracy(network, split.batches(AT_ONCE))
                for name_of_split, split in splits.items()
            }
    write_json(OUTPUT, scores)
    log.info("the accuracies are in %s", OUTPUT)


if __name__ == "__main__":
    run(main, in_ranks=True)
