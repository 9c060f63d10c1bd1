"""Stage `score_latents`: do colour and shape vary apart in the latents of VAEs and a GAN (Figure 6)?"""

import logging
from pathlib import Path

from stages.command import run, section

log = logging.getLogger(__name__)


def main() -> None:
    """Score the models of `train_latents`, and the CGN's interventions beside them, on Colored MNIST."""
    seed, own = section("seed"), section("mnist.variants.colored_mnist")
    section("threads")
    released = section("mnist.classifier.network") == "released"

    import numpy as np

    from cgn.evaluation.figure_6 import VARIANT, figure_6
    from cgn.evaluation.latents import Reader
    from cgn.io.arrays import read_arrays, write_arrays
    from cgn.io.files import write_json
    from cgn.networks.classifier import load_classifier
    from cgn.networks.digit_cnn import DigitCNN

    data, models, folder = Path("data/mnist"), Path("models/mnist"), Path("scores/mnist") / VARIANT
    oracle = load_classifier(models / "classifiers" / VARIANT / "oracle", DigitCNN(0, released=released))
    reader = Reader(np.array(own.colors), oracle)
    arrays, digits = (read_arrays(data / f"{of}.safetensors") for of in (f"variants/{VARIANT}", "digits"))
    scores, pictures = figure_6(models, arrays, digits, own, reader, seed)
    write_json(folder / "latents.json", scores)
    write_arrays(folder / "latents.safetensors", pictures)
    log.info("the scores are in %s", folder / "latents.json")


if __name__ == "__main__":
    run(main)
