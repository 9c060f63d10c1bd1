"""Stage `pretrained_networks`: the frozen networks that a CGN learns from, of one of three sources."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stages.command import SCRATCH, run, section

if TYPE_CHECKING:
    from cgn.training.checkpoint import Checkpoint

COMMITTED = Path("weights/emoji")
WORLD = Path("data/imagenet/world")
OUTPUT = Path("models/imagenet/pretrained")

_log = logging.getLogger(__name__)


def main() -> None:
    """Give the graph a BigGAN, a U2-Net and a VGG, and with small ones the segmenter that judges masks."""
    budget = section("budgets.pretrained_networks")

    from cgn.io.files import atomic_folder

    checkpoints: list[Checkpoint] = []
    with atomic_folder(OUTPUT) as folder:
        if budget.source == "committed":
            _committed(folder)
        elif budget.source == "published":
            _published(folder, budget)
        else:
            checkpoints = _trained(folder, budget)
    for checkpoint in checkpoints:
        checkpoint.remove()
    _log.info("%s networks are in %s", budget.source, OUTPUT)


def _committed(folder: Path) -> None:
    world = section("imagenet.world")

    from cgn.errors import UserError
    from cgn.generators.pretraining.committed import copy_checked
    from cgn.generators.pretraining.networks import NETWORKS, SCORES
    from cgn.generators.pretraining.stored import load_cgan, weights_file
    from cgn.networks.biggan import sizes_of

    if world != "emoji":
        raise UserError(
            f"{COMMITTED}: of the emoji world, imagenet.world is {world}; "
            "set pretrained_networks.source of the profile to trained or published"
        )
    copy_checked(COMMITTED, folder, [*(weights_file(folder, name).name for name in NETWORKS), SCORES])
    committed, resolution = sizes_of(load_cgan(folder)).resolution, _images()["images"].shape[1]
    if committed != resolution:
        raise UserError(
            f"{COMMITTED}: for {committed} pixels, the world has {resolution}; change that, "
            "or set pretrained_networks.source of the profile to trained"
        )


def _trained(folder: Path, budget: Any) -> list[Checkpoint]:
    """Train all four, or all but the U2-Net. Returns the checkpoints, for when the folder is whole."""
    seed, threads, device = section("seed"), section("threads"), section("device")
    params = section("imagenet.pretraining")

    from cgn.generators.pretraining.networks import NETWORKS, pretrain
    from cgn.training.checkpoint import Checkpoint, fingerprint
    from cgn.training.device import torch_device

    names = list(NETWORKS)
    if budget.saliency != "trained":
        _store_saliency(folder, budget.saliency)
        names.remove("u2net")
    arrays = _images()
    images, labels = arrays["images"], arrays["labels"]
    run_id = fingerprint([seed, threads, device, params, budget], [WORLD / "train.safetensors"])
    checkpoints = {name: Checkpoint(SCRATCH / "pretrained_networks" / f"{name}.pt", run_id) for name in names}
    pretrain(
        folder, names, lambda: (images, labels), images.shape[1], params, budget, seed,
        checkpoints.__getitem__, torch_device(device),
    )  # fmt: skip
    return list(checkpoints.values())


def _published(folder: Path, budget: Any) -> None:
    """Fetch the networks that the paper starts from."""
    biggans = {
        "biggan_deep_256": section("assets.biggan_deep_256"),
        "biggan_deep_128": section("assets.biggan_deep_128"),
    }
    vgg = section("assets.vgg16_bn")

    from cgn.generators.pretraining.published import check_classes, store_biggan, store_vgg
    from cgn.generators.pretraining.stored import describe
    from cgn.io.assets import Asset, local_file
    from cgn.io.files import read_json

    names = WORLD / "classes.json"
    check_classes(read_json(names), names)
    _store_saliency(folder, budget.saliency)
    store_vgg(folder, local_file(Asset(**vgg.model_dump())))
    store_biggan(folder, budget.biggan, local_file(Asset(**biggans[budget.biggan].model_dump())))
    describe(folder, {"segmenter": None, "resolution": _images()["images"].shape[1]})


def _store_saliency(folder: Path, saliency: str) -> None:
    """`saliency` is `u2net` or `u2netp` of the assets, or a file."""
    how = section("imagenet.saliency")
    assets = {"u2net": section("assets.u2net"), "u2netp": section("assets.u2netp")}

    from cgn.errors import UserError
    from cgn.generators.pretraining.published import store_saliency
    from cgn.io.assets import Asset, local_file
    from cgn.io.files import located

    if saliency not in assets and not located(saliency).is_file():
        raise UserError(
            f"budgets/{section('profile')}.yaml: pretrained_networks.saliency: {saliency} is neither "
            f"trained, {' nor '.join(assets)}, nor a file"
        )
    path = local_file(Asset(**assets[saliency].model_dump())) if saliency in assets else located(saliency)
    store_saliency(folder, path, how)


def _images() -> dict[str, Any]:
    """`images` and `labels` of the world."""
    from cgn.io.arrays import read_arrays

    return read_arrays(WORLD / "train.safetensors")


if __name__ == "__main__":
    run(main)
