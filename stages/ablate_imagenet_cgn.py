"""Stage `ablate_imagenet_cgn`: one training for each row of Table 1, all of one length."""

import logging
from pathlib import Path
from typing import Annotated

from typer import Option

from stages.command import SCRATCH, run, section

PRETRAINED = Path("models/imagenet/pretrained")
OUTPUTS = Path("models/imagenet/ablation")

_log = logging.getLogger(__name__)


def main(ablation: Annotated[str, Option(help="all, no_shape, no_text, no_bg or no_rec")]) -> None:
    """Train the CGN with one loss of the paper switched off, or with all of them to compare with."""
    seed, threads, device = section("seed"), section("threads"), section("device")
    params = section("imagenet.cgn")
    budget = section("budgets.ablate_imagenet_cgn")

    from cgn.generators.imagenet.ablation import ablated
    from cgn.generators.imagenet.run import train_and_save
    from cgn.training.checkpoint import Checkpoint, fingerprint
    from cgn.training.device import torch_device

    changed = ablated(params, ablation)
    run_id = fingerprint([seed, threads, device, changed, budget], [PRETRAINED])
    checkpoint = Checkpoint(SCRATCH / "ablate_imagenet_cgn" / f"{ablation}.pt", run_id)
    train_and_save(OUTPUTS / ablation, PRETRAINED, changed, budget, seed, checkpoint, torch_device(device))
    _log.info("%s: weights, history, gradient shares and snapshots are in %s", ablation, OUTPUTS / ablation)


if __name__ == "__main__":
    run(main)
