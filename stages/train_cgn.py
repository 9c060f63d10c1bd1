"""Stage `train_cgn`: the counterfactual generative network of one variant."""

import logging
from pathlib import Path

from stages.command import SCRATCH, run, section

DATA = Path("data/mnist/variants")
MODELS = Path("models/mnist/cgn")

_log = logging.getLogger(__name__)


def main(variant: str) -> None:
    """Train the mechanisms of VARIANT on its biased training images."""
    seed, threads, device = section("seed"), section("threads"), section("device")
    params = section("mnist.cgn").of(variant)
    adversarial = section("mnist.adversarial")
    budget = section("budgets.train_cgn")

    from cgn.generators.mnist.training import train_cgn
    from cgn.io.arrays import read_arrays
    from cgn.io.files import atomic_folder
    from cgn.training.checkpoint import Checkpoint, fingerprint
    from cgn.training.device import torch_device

    source, output = DATA / f"{variant}.safetensors", MODELS / variant
    arrays = read_arrays(source)
    run_id = fingerprint([seed, threads, device, params, adversarial, budget], [source])
    checkpoint = Checkpoint(SCRATCH / "train_cgn" / f"{variant}.pt", run_id)
    _log.info("training the CGN of %s: %d steps of %d images", variant, budget.steps, budget.batch)
    images, labels = arrays["train_images"], arrays["train_labels"]
    with atomic_folder(output) as folder:
        train_cgn(folder, images, labels, params, adversarial, budget, seed, checkpoint, torch_device(device))
    checkpoint.remove()
    _log.info("weights, training history and snapshots are in %s", output)


if __name__ == "__main__":
    run(main)
