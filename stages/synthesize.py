"""Stage `synthesize`: one MNIST variant, biased in train and validation, with random cues in test."""

import logging
from pathlib import Path

from stages.command import run, section

DATA = Path("data/mnist")

log = logging.getLogger(__name__)


def main(variant: str) -> None:
    """Write the images and labels of VARIANT (colored_mnist, double_colored_mnist or wildlife_mnist)."""
    seed = section("seed")
    params = section(f"mnist.variants.{variant}")
    budget = section("budgets.variants")

    from cgn.data.mnist.variants import synthesize_splits
    from cgn.io.arrays import read_arrays, write_arrays

    digits = read_arrays(DATA / "digits.safetensors")
    textures = read_arrays(DATA / "textures.safetensors")
    cues = budget.cue_draws, budget.correlation
    arrays = synthesize_splits(variant, digits, params, textures, *cues, seed)
    output = DATA / "variants" / f"{variant}.safetensors"
    write_arrays(output, {**arrays})
    train, test = len(arrays["train_images"]), len(arrays["test_images"])
    log.info("%d biased training images and %d test images with random cues are in %s", train, test, output)


if __name__ == "__main__":
    run(main)
