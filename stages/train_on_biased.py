"""Stage `train_on_biased`: a classifier on the biased images of one variant, plainly or with LNTL."""

from pathlib import Path
from typing import TYPE_CHECKING

from stages.command import SCRATCH, run, section

if TYPE_CHECKING:
    from cgn.classifiers.algorithm import Algorithm


def main(variant: str, method: str) -> None:
    """Train METHOD (original or lntl) on VARIANT."""
    seed, threads = section("seed"), section("threads")
    schedule = section("mnist.classifier")
    params = section(f"methods.{method}")
    budget = section("budgets.train_on_biased")

    from cgn.arrays import read_arrays
    from cgn.checkpoint import Checkpoint, fingerprint
    from cgn.classifiers.adaptations import ignores_black
    from cgn.classifiers.erm import ERM
    from cgn.classifiers.lntl import LNTL
    from cgn.classifiers.network import DigitCNN
    from cgn.classifiers.sources import FixedImages, Images
    from cgn.classifiers.training import steps_for, train_and_save
    from cgn.seeding import seed_for

    data = Path(f"data/mnist/variants/{variant}.safetensors")
    arrays = read_arrays(data)
    steps = steps_for(budget.image_passes, schedule.batch, schedule.decays)
    network = DigitCNN(seed_for(seed, variant, method, "network"))
    algorithm: Algorithm = ERM(network, steps, schedule)
    if method == "lntl":
        heads_seed = seed_for(seed, variant, method, "heads")
        algorithm = LNTL(network, steps, schedule, params, heads_seed, ignores_black(variant))
    train = Images(arrays["train_images"], arrays["train_labels"])
    source = FixedImages(train, schedule.batch, seed, variant, method)
    validation = Images(arrays["validation_images"], arrays["validation_labels"])
    run_id = fingerprint([seed, threads, schedule, params, budget, method], [data])
    checkpoint = Checkpoint(SCRATCH / "train_on_biased" / f"{variant}-{method}.pt", run_id)
    folder = Path(f"models/mnist/classifiers/{variant}/{method}")
    train_and_save(folder, algorithm, source, validation, checkpoint, f"{method} on {variant}")


if __name__ == "__main__":
    run(main)
