"""Stage `score`: the accuracies of all methods on one variant, and the quality of its CGN's masks."""

import logging
from pathlib import Path

from stages.command import run, section

log = logging.getLogger(__name__)


def main(variant: str) -> None:
    """Score every method of VARIANT, and the masks of its CGN.

    Methods are scored on the biased train and validation images and on the test images with random cues;
    masks are scored by the digit classifier.
    """
    seed = section("seed")
    section("threads")
    params, own = section("mnist.mechanism_score"), section(f"mnist.variants.{variant}")
    released = section("mnist.classifier.network") == "released"

    from cgn.evaluation.mnist_scores import classifier_scores, mechanism_scores
    from cgn.io.arrays import read_arrays
    from cgn.io.files import write_json

    data, models, folder = Path("data/mnist"), Path("models/mnist"), Path(f"scores/mnist/{variant}")
    arrays = read_arrays(data / f"variants/{variant}.safetensors")
    digits = read_arrays(data / "digits.safetensors")
    classifiers = classifier_scores(models / "classifiers" / variant, arrays, variant, released)
    mechanisms = mechanism_scores(models, digits, arrays, variant, own, params, released, seed)
    write_json(folder / "classifiers.json", classifiers)
    write_json(folder / "mechanisms.json", mechanisms)
    healthy = mechanisms["healthy_classes"]
    log.info("%s: %s of 10 classes healthy; the scores are in %s", variant, healthy, folder)


if __name__ == "__main__":
    run(main)
