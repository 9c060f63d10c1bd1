"""Stage `score`: the accuracies of all methods on one variant."""

import logging
from pathlib import Path

from stages.command import run, section

log = logging.getLogger(__name__)


def main(variant: str) -> None:
    """Score every method of VARIANT on its biased train and validation images, and on its test images."""
    section("threads")
    released = section("mnist.classifier.network") == "released"

    from cgn.evaluation.classifier_scores import classifier_scores
    from cgn.io.arrays import read_arrays
    from cgn.io.files import write_json

    arrays = read_arrays(Path(f"data/mnist/variants/{variant}.safetensors"))
    scores = classifier_scores(Path("models/mnist/classifiers", variant), arrays, variant, released)
    path = Path(f"scores/mnist/{variant}/classifiers.json")
    write_json(path, scores)
    log.info("%s: the accuracies of all methods are in %s", variant, path)


if __name__ == "__main__":
    run(main)
