"""Stage `score_mechanisms`: the quality of the masks of one variant's CGN."""

import logging
from pathlib import Path

from stages.command import run, section

log = logging.getLogger(__name__)


def main(variant: str) -> None:
    """Score the masks of VARIANT's CGN by the digit classifier, and those that abduction predicts."""
    seed = section("seed")
    section("threads")
    params, own = section("mnist.mechanism_score"), section(f"mnist.variants.{variant}")
    released = section("mnist.classifier.network") == "released"

    from cgn.evaluation.mechanism_quality import mechanism_scores
    from cgn.io.arrays import read_arrays
    from cgn.io.files import write_json

    data = Path("data/mnist")
    arrays = read_arrays(data / f"variants/{variant}.safetensors")
    digits = read_arrays(data / "digits.safetensors")
    scores = mechanism_scores(Path("models/mnist"), digits, arrays, variant, own, params, released, seed)
    path = Path(f"scores/mnist/{variant}/mechanisms.json")
    write_json(path, scores)
    log.info("%s: %s of 10 classes healthy; the scores are in %s", variant, scores["healthy_classes"], path)


if __name__ == "__main__":
    run(main)
