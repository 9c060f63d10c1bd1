"""Stage `imagenet_accuracy`: top-1 and top-5 accuracy of the world's classifiers on held-out images."""

import logging
from pathlib import Path

from stages.command import run, section

WORLD = Path("data/imagenet/world")
CLASSIFIERS = Path("models/imagenet/classifiers")
OUTPUT = Path("scores/imagenet/accuracy.json")

log = logging.getLogger(__name__)


def main() -> None:
    """Score every classifier on the test splits.

    A world of photos has `test_images`. The emoji world has `test_poses` (training glyphs at held-out poses)
    and `test_glyphs` (held-out glyphs), with shortcuts as in training.
    """
    section("threads")

    from cgn.data.emoji.cue_sources import TRAINING_SETS
    from cgn.errors import UserError
    from cgn.io.arrays import read_arrays
    from cgn.io.files import read_json, write_json
    from cgn.metrics.accuracy import top_accuracy
    from cgn.networks.image_classifier import load_networks

    splits = {path.stem: read_arrays(path) for path in sorted(WORLD.glob("test_*.safetensors"))}
    classes, scores = read_json(WORLD / "classes.json"), {}
    for folder in (*TRAINING_SETS, "ensemble", "mixed_abducted", "ensemble_abducted"):
        for name, (network, signature) in load_networks(CLASSIFIERS / folder).items():
            if signature.classes != classes:
                raise UserError(f"{CLASSIFIERS / folder}: of other classes than {WORLD}; run dvc repro")
            scores[name] = {
                split: top_accuracy(network, arrays["images"], arrays["labels"])
                for split, arrays in splits.items()
            }
    write_json(OUTPUT, scores)
    log.info("the accuracies are in %s", OUTPUT)


if __name__ == "__main__":
    run(main)
