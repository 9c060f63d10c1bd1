"""Stage `train_on_counterfactuals`: the classifiers that are trained on counterfactuals of one variant."""

from stages.command import run
from stages.methods import method_sections
from stages.on_generated import train
from stages.run import StageRun


def main(variant: str) -> None:
    """Train the methods that use counterfactuals of VARIANT.

    cgn is trained on counterfactual and biased images, cgn_only on counterfactuals only.
    """
    stage = StageRun("train_on_counterfactuals")
    train(stage, variant, method_sections(variant, "counterfactuals"), stage.threads)


if __name__ == "__main__":
    run(main)
