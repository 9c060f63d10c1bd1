"""Stage `train_on_gan_samples`: the classifier that is trained on images of the GAN of one variant."""

from stages.command import run
from stages.methods import method_sections
from stages.on_generated import train
from stages.run import StageRun


def main(variant: str) -> None:
    """Train gan on the biased images of VARIANT and on samples of the GAN."""
    stage = StageRun("train_on_gan_samples")
    train(stage, variant, method_sections(variant, "gan_samples"), stage.threads)


if __name__ == "__main__":
    run(main)
