"""Stage `train_on_fresh_cues`: the oracle, which sees real digits under new random cues in every pass."""

from pathlib import Path

from stages.command import SCRATCH, run, section

METHOD = "oracle"


def main(variant: str) -> None:
    """Train the oracle of VARIANT: the steps, batch and schedule of the counterfactuals' classifier."""
    seed, threads = section("seed"), section("threads")
    schedule = section("mnist.classifier")
    variant_params = section(f"mnist.variants.{variant}")
    budget = section("budgets.train_on_counterfactuals")

    from cgn.classifiers.network import DigitCNN
    from cgn.classifiers.sources import FreshImages, Images
    from cgn.classifiers.training import Run, steps_for, train_and_save
    from cgn.common.arrays import read_arrays
    from cgn.common.checkpoint import Checkpoint, fingerprint
    from cgn.common.seeding import seed_for
    from cgn.methods.erm import ERM
    from cgn.mnist.datasets.environments import environment

    inputs = [
        Path("data/mnist/digits.safetensors"),
        Path("data/mnist/textures.safetensors"),
        Path(f"data/mnist/variants/{variant}.safetensors"),
    ]
    digits, all_textures, arrays = (read_arrays(path) for path in inputs)
    textures = all_textures if variant == "wildlife_mnist" else None
    shapes, labels = digits["train_images"], digits["train_labels"]

    def draw(number: int) -> Images:
        names = (variant, METHOD, "cues", number)
        images = environment(variant, shapes, labels, 0.0, variant_params, textures, seed, *names)
        return Images(images, labels)

    steps = steps_for(budget.image_passes, schedule.batch, schedule.decays)
    algorithm = ERM(DigitCNN(seed_for(seed, variant, METHOD, "network")), steps, schedule)
    source = FreshImages(draw, len(labels), schedule.batch, seed, variant, METHOD)
    validation = Images(arrays["validation_images"], arrays["validation_labels"])
    run_id = fingerprint([seed, threads, schedule, variant_params, budget], inputs)
    checkpoint = Checkpoint(SCRATCH / "train_on_fresh_cues" / f"{variant}.pt", run_id)
    folder = Path(f"models/mnist/classifiers/{variant}/{METHOD}")
    train_and_save([Run(folder, algorithm, source, checkpoint, f"{METHOD} on {variant}")], validation)


if __name__ == "__main__":
    run(main)
