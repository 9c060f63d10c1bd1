"""Stage `train_on_counterfactuals`: a classifier of shape on the counterfactuals of one variant."""

from pathlib import Path

from stages.command import SCRATCH, run, section


def main(variant: str, method: str) -> None:
    """Train METHOD on VARIANT: cgn (biased images and counterfactuals) or cgn_only (the latter alone)."""
    seed, threads = section("seed"), section("threads")
    schedule = section("mnist.classifier")
    params = section(f"methods.{method}")
    budget = section("budgets.train_on_counterfactuals")

    from cgn.arrays import read_arrays
    from cgn.checkpoint import Checkpoint, fingerprint
    from cgn.classifiers.erm import ERM
    from cgn.classifiers.network import DigitCNN
    from cgn.classifiers.sources import Images, Mixture
    from cgn.classifiers.training import steps_for, train_and_save
    from cgn.seeding import seed_for
    from cgn.shards import read_images

    data = Path(f"data/mnist/variants/{variant}.safetensors")
    shards = Path(f"data/mnist/shards/{variant}/counterfactuals")
    arrays = read_arrays(data)
    images, labels = read_images(shards)
    real = Images(arrays["train_images"], arrays["train_labels"])
    counterfactual = Images(images, labels["shape"])
    steps = steps_for(budget.image_passes, schedule.batch, schedule.decays)
    algorithm = ERM(DigitCNN(seed_for(seed, variant, method, "network")), steps, schedule)
    source = Mixture(real, counterfactual, params.real_share, schedule.batch, seed, variant, method)
    validation = Images(arrays["validation_images"], arrays["validation_labels"])
    run_id = fingerprint([seed, threads, schedule, params, budget, method], [data, shards])
    checkpoint = Checkpoint(SCRATCH / "train_on_counterfactuals" / f"{variant}-{method}.pt", run_id)
    folder = Path(f"models/mnist/classifiers/{variant}/{method}")
    train_and_save(folder, algorithm, source, validation, checkpoint, f"{method} on {variant}")


if __name__ == "__main__":
    run(main)
