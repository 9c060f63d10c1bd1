"""Stage `train_on_abducted`: the classifier that is trained on counterfactuals of the biased images."""

from stages.command import run
from stages.methods import method_sections
from stages.on_generated import train
from stages.run import StageRun


def main(variant: str) -> None:
    """Train the methods that use the biased images of VARIANT with their own masks and other textures."""
    # One thread, as each of the classifiers on counterfactuals has: the number changes the last bits.
    train(StageRun("train_on_abducted"), variant, method_sections(variant, "abducted"), threads=1)


if __name__ == "__main__":
    run(main)
