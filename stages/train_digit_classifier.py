"""Stage `train_digit_classifier`: the classifier that reads masks, trained on real binarised digits."""

from pathlib import Path

from stages.command import run, section
from stages.run import StageRun

# Generated digits are a little off centre and vary in slant and proportion, so training images do, too.
TRANSLATION = 1  # pixels
DISTORTION = 0.1  # standard deviation of the linear map's coefficients


def main() -> None:
    """Train the classifier that reads the masks of every variant."""
    stage = StageRun("train_digit_classifier")
    schedule, budget = section("mnist.classifier"), section("budgets.train_digit_classifier")
    threshold = section("mnist.mechanism_score.binarize_threshold")

    from cgn.data.mnist.masks import distorted_masks, real_masks, translated_masks
    from cgn.data.sources import FreshImages, Images
    from cgn.io.arrays import read_arrays
    from cgn.methods.erm import ERM
    from cgn.methods.training import Run, steps_for, train_and_save
    from cgn.networks.digit_cnn import DigitCNN
    from cgn.seeding import seed_for

    data, seed, name = Path("data/mnist/digits.safetensors"), stage.seed, "digit_classifier"
    digits = read_arrays(data)
    masks, labels = real_masks(digits["train_images"], threshold), digits["train_labels"]
    validation_masks = real_masks(digits["validation_images"], threshold)

    def draw(number: int) -> Images:
        distorted = distorted_masks(masks, DISTORTION, seed, "distortion", name, number)
        return Images(translated_masks(distorted, TRANSLATION, seed, "translation", name, number), labels)

    steps = steps_for(budget.image_passes, schedule.batch, schedule.decays)
    network = DigitCNN(seed_for(seed, name, "network"), 1, schedule.network == "released")
    algorithm = ERM(network, steps, schedule)
    source = FreshImages(draw, len(labels), schedule.batch, seed, name)
    validation = Images(translated_masks(validation_masks, 0, seed), digits["validation_labels"])
    checkpoint = stage.checkpoint(name, [schedule, threshold, budget], [data])
    one_run = Run(Path("models/mnist/digit_classifier"), algorithm, source, checkpoint, "digit classifier")
    train_and_save([one_run], validation, stage.threads, stage.device)


if __name__ == "__main__":
    run(main)
