"""Stage `train_digit_classifier`: the reader of masks, trained on real binarised digits."""

from pathlib import Path

from stages.command import SCRATCH, run, section

# Generated digits stand a little off centre: the reader should not mind.
TRANSLATION = 1  # pixels


def main() -> None:
    """Train the classifier that reads the masks of every variant."""
    seed, threads = section("seed"), section("threads")
    schedule = section("mnist.classifier")
    threshold = section("mnist.variants.double_colored_mnist.binarize_threshold")
    budget = section("budgets.train_digit_classifier")

    from cgn.arrays import read_arrays
    from cgn.checkpoint import Checkpoint, fingerprint
    from cgn.classifiers.erm import ERM
    from cgn.classifiers.network import DigitCNN
    from cgn.classifiers.sources import FreshImages, Images
    from cgn.classifiers.training import steps_for, train_and_save
    from cgn.mnist.masks import real_masks, translated_masks
    from cgn.seeding import seed_for

    data = Path("data/mnist/digits.safetensors")
    digits = read_arrays(data)
    masks, labels = real_masks(digits["train_images"], threshold), digits["train_labels"]
    validation_masks = real_masks(digits["validation_images"], threshold)

    def draw(number: int) -> Images:
        return Images(translated_masks(masks, TRANSLATION, seed, "digit_classifier", "move", number), labels)

    steps = steps_for(budget.image_passes, schedule.batch, schedule.decays)
    algorithm = ERM(DigitCNN(seed_for(seed, "digit_classifier", "network"), channels=1), steps, schedule)
    source = FreshImages(draw, len(labels), schedule.batch, seed, "digit_classifier")
    validation = Images(translated_masks(validation_masks, 0, seed), digits["validation_labels"])
    run_id = fingerprint([seed, threads, schedule, threshold, budget, TRANSLATION], [data])
    checkpoint = Checkpoint(SCRATCH / "train_digit_classifier" / "digit_classifier.pt", run_id)
    folder = Path("models/mnist/digit_classifier")
    train_and_save(folder, algorithm, source, validation, checkpoint, "digit classifier")


if __name__ == "__main__":
    run(main)
