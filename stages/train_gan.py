"""Stage `train_gan`: the GAN baseline of one variant."""

import logging
from pathlib import Path

from stages.command import SCRATCH, run, section

DATA = Path("data/mnist/variants")
MODELS = Path("models/mnist/gan")

_log = logging.getLogger(__name__)


def main(variant: str) -> None:
    """Train a conditional GAN, as large as the CGN, on the biased training images of VARIANT."""
    seed, threads = section("seed"), section("threads")
    adversarial = section("mnist.adversarial")
    budget = section("budgets.train_gan")

    from cgn.common.arrays import read_arrays
    from cgn.common.checkpoint import Checkpoint, fingerprint
    from cgn.common.files import atomic_folder
    from cgn.mnist.generators.training import train_gan

    source, output = DATA / f"{variant}.safetensors", MODELS / variant
    arrays = read_arrays(source)
    run_id = fingerprint([seed, threads, adversarial, budget], [source])
    checkpoint = Checkpoint(SCRATCH / "train_gan" / f"{variant}.pt", run_id)
    _log.info("training the GAN of %s: %d steps of %d images", variant, budget.steps, budget.batch)
    images, labels = arrays["train_images"], arrays["train_labels"]
    with atomic_folder(output) as folder:
        train_gan(folder, images, labels, adversarial, budget, seed, checkpoint)
    checkpoint.remove()
    _log.info("weights and training history are in %s", output)


if __name__ == "__main__":
    run(main)
