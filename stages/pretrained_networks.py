"""Stage `pretrained_networks`: the frozen networks that a CGN is trained with, from one of three sources."""

import logging
from pathlib import Path

from stages.command import run, section
from stages.run import StageRun

COMMITTED = Path("weights/emoji")
WORLD = Path("data/imagenet/world")
OUTPUT = Path("models/imagenet/pretrained")

log = logging.getLogger(__name__)


def main() -> None:
    """Copy, train or fetch BigGAN, U2-Net and VGG; with small networks also the segmenter."""
    stage, budget = StageRun("pretrained_networks"), section("budgets.pretrained_networks")
    section("launch.processes")  # sums of gradients are split by process
    world, params = section("imagenet.world"), section("imagenet.pretraining")
    how = section("imagenet.saliency")
    assets = {"vgg16_bn": section("assets.vgg16_bn"), "biggan_deep_256": section("assets.biggan_deep_256")}
    assets |= {"u2net": section("assets.u2net"), "u2netp": section("assets.u2netp")}
    assets["biggan_deep_128"] = section("assets.biggan_deep_128")

    from cgn.data.worlds import World
    from cgn.errors import UserError
    from cgn.generators.pretraining.committed import copy_committed
    from cgn.generators.pretraining.networks import NETWORKS, pretrain
    from cgn.generators.pretraining.published import saliency_file, store_published, store_saliency
    from cgn.io.files import atomic_folder

    data, checkpoints = World(WORLD, stage.threads), []
    with atomic_folder(OUTPUT) as folder:
        if budget.source == "committed":
            copy_committed(COMMITTED, folder, world, data.resolution)
        elif budget.source == "published":
            store_published(folder, budget, assets, how, data.classes, data.generated_resolution)
        elif budget.source == "saliency":
            store_saliency(folder, saliency_file(budget.saliency, assets), how)
        elif not data.in_memory:
            raise UserError("pretrained_networks.source: trained needs a world in memory; take published")
        else:
            names = list(NETWORKS)
            if budget.saliency != "trained":
                store_saliency(folder, saliency_file(budget.saliency, assets), how)
                names.remove("u2net")
            kept = {name: stage.checkpoint(name, [params, budget], data.inputs[:1]) for name in names}
            images, labels = data.arrays["images"], data.arrays["labels"]
            pretrain(
                folder, names, lambda: (images, labels), data.resolution, params, budget, stage.seed,
                kept.__getitem__, stage.device,
            )  # fmt: skip
            checkpoints = list(kept.values())
    for checkpoint in checkpoints:  # only after the folder is written
        checkpoint.remove()
    log.info("%s networks are in %s", budget.source, OUTPUT)


if __name__ == "__main__":
    run(main, in_ranks=True)
