"""Stage `ablate_imagenet_cgn`: a training for each row of Table 1, all of equal length."""

from pathlib import Path
from typing import Annotated

from typer import Option

from stages.command import run, section
from stages.run import StageRun


def main(ablation: Annotated[str, Option(help="all, no_shape, no_text, no_bg or no_rec")]) -> None:
    """Train the CGN with one loss of the paper switched off, or with all losses for comparison."""
    stage = StageRun("ablate_imagenet_cgn")
    section("launch.processes")  # sums of gradients are split by process
    params, budget = section("imagenet.cgn"), section("budgets.ablate_imagenet_cgn")

    from cgn.generators.imagenet.losses import ablated
    from cgn.generators.imagenet.run import train_and_save_cgn

    pretrained, changed = Path("models/imagenet/pretrained"), ablated(params, ablation)
    folder = Path("models/imagenet/ablation") / ablation
    with stage.output(folder, ablation, [changed, budget], [pretrained]) as output:
        train_and_save_cgn(
            output.folder, pretrained, changed, budget, stage.seed, output.checkpoint, stage.device
        )


if __name__ == "__main__":
    run(main, in_ranks=True)
