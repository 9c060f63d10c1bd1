"""Stage `pretrained_networks`: the frozen networks that a CGN learns from, committed ones or trained here."""

import logging
from pathlib import Path

from stages.command import SCRATCH, run, section

COMMITTED = Path("weights/emoji")
WORLD = Path("data/imagenet/world/train.safetensors")
OUTPUT = Path("models/imagenet/pretrained")

_log = logging.getLogger(__name__)


def main() -> None:
    """Give the graph a BigGAN, a U2-Net, a VGG and the segmenter that judges masks."""
    seed, threads, device = section("seed"), section("threads"), section("device")
    world, params = section("imagenet.world"), section("imagenet.pretraining")
    budget = section("budgets.pretrained_networks")

    import numpy as np
    from numpy.typing import NDArray

    from cgn.common.arrays import read_arrays
    from cgn.common.checkpoint import Checkpoint, fingerprint
    from cgn.common.device import torch_device
    from cgn.common.files import atomic_folder
    from cgn.errors import UserError
    from cgn.imagenet.networks.biggan import sizes_of
    from cgn.imagenet.pretraining.committed import copy_checked
    from cgn.imagenet.pretraining.networks import NETWORKS, SCORES, pretrain
    from cgn.imagenet.pretraining.stored import load_cgan, weights_file

    images, labels = (read_arrays(WORLD)[name] for name in ("images", "labels"))
    resolution = images.shape[1]

    def images_and_labels() -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        return images, labels

    with atomic_folder(OUTPUT) as folder:
        if budget.source == "committed":
            if world != "emoji":
                raise UserError(
                    f"{COMMITTED}: of the emoji world, imagenet.world is {world}; "
                    "set budgets.<profile>.pretrained_networks.source to trained"
                )
            copy_checked(COMMITTED, folder, [*(weights_file(folder, name).name for name in NETWORKS), SCORES])
            committed = sizes_of(load_cgan(folder)).resolution
            if committed != resolution:
                raise UserError(
                    f"{COMMITTED}: for {committed} pixels, the world has {resolution}; change that, "
                    "or set budgets.<profile>.pretrained_networks.source to trained"
                )
        else:
            run_id = fingerprint([seed, threads, device, params, budget], [WORLD])
            checkpoints = {
                name: Checkpoint(SCRATCH / "pretrained_networks" / f"{name}.pt", run_id) for name in NETWORKS
            }
            pretrain(
                folder, NETWORKS, images_and_labels, resolution, params, budget, seed,
                checkpoints.__getitem__, torch_device(device),
            )  # fmt: skip
    if budget.source == "trained":
        for checkpoint in checkpoints.values():
            checkpoint.remove()
    _log.info("%s networks are in %s", budget.source, OUTPUT)


if __name__ == "__main__":
    run(main)
