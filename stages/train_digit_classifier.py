"""Stage `train_digit_classifier`: the reader of masks, trained on real binarised digits."""

from pathlib import Path

from stages.command import SCRATCH, run, section

# Generated digits stand a little off centre and vary in slant and proportion: the reader should not mind.
TRANSLATION = 1  # pixels
DISTORTION = 0.1  # standard deviation of the linear map's coefficients


def main() -> None:
    """Train the classifier that reads the masks of every variant."""
    seed, threads, device = section("seed"), section("threads"), section("device")
    schedule = section("mnist.classifier")
    threshold = section("mnist.mechanism_score.binarize_threshold")
    budget = section("budgets.train_digit_classifier")

    from cgn.data.mnist.masks import distorted_masks, real_masks, translated_masks
    from cgn.data.sources import FreshImages, Images
    from cgn.io.arrays import read_arrays
    from cgn.methods.erm import ERM
    from cgn.methods.training import Run, steps_for, train_and_save
    from cgn.networks.digit_cnn import DigitCNN
    from cgn.seeding import seed_for
    from cgn.training.checkpoint import Checkpoint, fingerprint
    from cgn.training.device import torch_device

    data = Path("data/mnist/digits.safetensors")
    digits = read_arrays(data)
    masks, labels = real_masks(digits["train_images"], threshold), digits["train_labels"]
    validation_masks = real_masks(digits["validation_images"], threshold)

    def draw(number: int) -> Images:
        names = ("digit_classifier", number)
        distorted = distorted_masks(masks, DISTORTION, seed, "distortion", *names)
        return Images(translated_masks(distorted, TRANSLATION, seed, "translation", *names), labels)

    steps = steps_for(budget.image_passes, schedule.batch, schedule.decays)
    algorithm = ERM(DigitCNN(seed_for(seed, "digit_classifier", "network"), channels=1), steps, schedule)
    source = FreshImages(draw, len(labels), schedule.batch, seed, "digit_classifier")
    validation = Images(translated_masks(validation_masks, 0, seed), digits["validation_labels"])
    run_id = fingerprint(
        [seed, threads, device, schedule, threshold, budget, TRANSLATION, DISTORTION], [data]
    )
    checkpoint = Checkpoint(SCRATCH / "train_digit_classifier" / "digit_classifier.pt", run_id)
    folder = Path("models/mnist/digit_classifier")
    train_and_save(
        [Run(folder, algorithm, source, checkpoint, "digit classifier")],
        validation,
        threads,
        torch_device(device),
    )


if __name__ == "__main__":
    run(main)
