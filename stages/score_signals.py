"""Stage `score_signals`: which signal of one variant is the cause (appendix H, Table 5)."""

import logging
from pathlib import Path

from stages.command import run, section

log = logging.getLogger(__name__)


def main(variant: str) -> None:
    """Score the classifiers of the signals of VARIANT on validation digits, in environments."""
    seed, params = section("seed"), section("mnist.signals")
    own, draws = section(f"mnist.variants.{variant}"), section("budgets.score_signals.cue_draws")
    section("threads")
    released = section("mnist.classifier.network") == "released"

    import numpy as np
    from numpy.typing import NDArray

    from cgn.data.mnist.variants import environment
    from cgn.evaluation.signals import signal_scores
    from cgn.io.arrays import read_arrays
    from cgn.io.files import write_json
    from cgn.networks.classifier import load_classifier
    from cgn.networks.digit_cnn import DigitCNN
    from cgn.scm import MNIST_SCM

    digits, textures = (
        read_arrays(Path(f"data/mnist/{name}.safetensors")) for name in ("digits", "textures")
    )
    shapes, labels = (np.concatenate([digits[f"validation_{of}"]] * draws) for of in ("images", "labels"))

    def draw(correlation: float) -> NDArray[np.uint8]:
        # The same random numbers in all environments: these differ only in the cues that follow no label.
        return environment(variant, shapes, labels, correlation, own, textures, seed, variant, "signals")

    folder = Path(f"models/mnist/signals/{variant}")
    classifiers = {
        signal: load_classifier(folder / signal, DigitCNN(0, released=released))
        for signal in MNIST_SCM.mechanisms
    }
    scores = signal_scores(classifiers, draw, labels, params)
    write_json(Path(f"scores/mnist/{variant}/signals.json"), scores)
    log.info("%s: the stable signal is %s", variant, scores["causal_signal"])


if __name__ == "__main__":
    run(main)
