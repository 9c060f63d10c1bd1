"""Stage `train_imagenet_cgn`: the counterfactual generative network of the ImageNet branch."""

import logging
from pathlib import Path

from stages.command import SCRATCH, run, section

PRETRAINED = Path("models/imagenet/pretrained")
OUTPUT = Path("models/imagenet/cgn/all")

_log = logging.getLogger(__name__)


def main() -> None:
    """Train the three mechanisms against a frozen BigGAN, with all losses of the paper."""
    seed, threads, device = section("seed"), section("threads"), section("device")
    params = section("imagenet.cgn")
    budget = section("budgets.train_imagenet_cgn")

    from cgn.generators.imagenet.run import train_and_save
    from cgn.training.checkpoint import Checkpoint, fingerprint
    from cgn.training.device import torch_device

    run_id = fingerprint([seed, threads, device, params, budget], [PRETRAINED])
    checkpoint = Checkpoint(SCRATCH / "train_imagenet_cgn" / "all.pt", run_id)
    train_and_save(OUTPUT, PRETRAINED, params, budget, seed, checkpoint, torch_device(device))
    _log.info("weights, history, gradient shares and snapshots are in %s", OUTPUT)


if __name__ == "__main__":
    run(main)
