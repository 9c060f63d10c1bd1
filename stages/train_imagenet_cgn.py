"""Stage `train_imagenet_cgn`: the counterfactual generative network of the ImageNet branch."""

from pathlib import Path

from stages.command import run, section
from stages.run import StageRun


def main() -> None:
    """Train the three mechanisms against a frozen BigGAN, with all losses of the paper.

    Writes weights, history, gradient shares and snapshots.
    """
    stage = StageRun("train_imagenet_cgn")
    section("launch.processes")  # sums of gradients are split by process
    params, budget = section("imagenet.cgn"), section("budgets.train_imagenet_cgn")

    from cgn.generators.imagenet.run import train_and_save_cgn

    pretrained, folder = Path("models/imagenet/pretrained"), Path("models/imagenet/cgn/all")
    with stage.output(folder, "all", [params, budget], [pretrained]) as output:
        train_and_save_cgn(
            output.folder, pretrained, params, budget, stage.seed, output.checkpoint, stage.device
        )


if __name__ == "__main__":
    run(main, in_ranks=True)
