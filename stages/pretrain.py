"""`make pretrain`: trains the small networks in weights/emoji. It is not a stage of the graph."""

import logging
from pathlib import Path
from typing import Annotated

import typer

from stages.command import run, section
from stages.run import StageRun

OUTPUT = Path("weights/emoji")

log = logging.getLogger(__name__)


def main(names: Annotated[list[str] | None, typer.Argument(help="all when there are none")] = None) -> None:
    """Train the networks NAMES of u2net, vgg, segmenter and biggan at the sizes of imagenet.pretraining."""
    stage = StageRun("pretrain")
    world, params = section("imagenet.emoji"), section("imagenet.pretraining")

    import numpy as np
    from numpy.typing import NDArray

    from cgn.data.emoji.world import render
    from cgn.errors import UserError
    from cgn.generators.pretraining.committed import write_sums
    from cgn.generators.pretraining.networks import NETWORKS, pretrain

    chosen = names or list(NETWORKS)
    if unknown := set(chosen) - set(NETWORKS):
        raise UserError(f"{', '.join(sorted(unknown))}: not one of {', '.join(NETWORKS)}")

    def images_and_labels() -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        log.info("rendering %d images of the world", params.world_images)
        arrays = render("train", 0, params.world_images, **world.model_dump(), seed=stage.seed)
        return arrays["images"], arrays["labels"]

    checkpoints = {name: stage.checkpoint(name, [world, params], []) for name in chosen}
    OUTPUT.mkdir(parents=True, exist_ok=True)
    pretrain(
        OUTPUT, chosen, images_and_labels, world.resolution, params, params.budget, stage.seed,
        checkpoints.__getitem__, stage.device,
    )  # fmt: skip
    write_sums(OUTPUT)
    for checkpoint in checkpoints.values():
        checkpoint.remove()
    log.info("weights, scores and SHA256SUMS are in %s", OUTPUT)


if __name__ == "__main__":
    run(main)
