"""Stage `train_on_biased`: classifiers that see the biased images of one variant and nothing else."""

from pathlib import Path

from stages.command import SCRATCH, run, section


def main(variant: str) -> None:
    """Train original, lntl and augmentation on VARIANT."""
    seed, threads, device = section("seed"), section("threads"), section("device")
    schedule = section("mnist.classifier")
    methods = {
        "original": section("methods.original"),
        "lntl": section("methods.lntl"),
        "augmentation": section("methods.augmentation"),
    }
    budget = section("budgets.train_on_biased")

    from cgn.classifiers.erm import ERM
    from cgn.classifiers.network import DigitCNN
    from cgn.classifiers.sources import FixedImages, Images
    from cgn.classifiers.training import Run, steps_for, train_and_save
    from cgn.common.arrays import read_arrays
    from cgn.common.checkpoint import Checkpoint, fingerprint
    from cgn.common.device import torch_device
    from cgn.common.seeding import seed_for
    from cgn.methods.adaptations import ignores_black
    from cgn.methods.augmentation import AugmentedERM
    from cgn.methods.lntl import LNTL

    data = Path(f"data/mnist/variants/{variant}.safetensors")
    arrays = read_arrays(data)
    train = Images(arrays["train_images"], arrays["train_labels"])
    validation = Images(arrays["validation_images"], arrays["validation_labels"])
    steps = steps_for(budget.image_passes, schedule.batch, schedule.decays)
    networks = {method: DigitCNN(seed_for(seed, variant, method, "network")) for method in methods}
    heads_seed = seed_for(seed, variant, "lntl", "heads")
    algorithms = {
        "original": ERM(networks["original"], steps, schedule),
        "lntl": LNTL(networks["lntl"], steps, schedule, methods["lntl"], heads_seed, ignores_black(variant)),
        "augmentation": AugmentedERM(
            networks["augmentation"], steps, schedule, methods["augmentation"],
            seed_for(seed, variant, "augmentation", "draws"),
        ),
    }  # fmt: skip

    runs = []
    for method, algorithm in algorithms.items():
        source = FixedImages(train, schedule.batch, seed, variant, method)
        run_id = fingerprint([seed, threads, device, schedule, methods[method], budget, method], [data])
        checkpoint = Checkpoint(SCRATCH / "train_on_biased" / f"{variant}-{method}.pt", run_id)
        folder = Path(f"models/mnist/classifiers/{variant}/{method}")
        runs.append(Run(folder, algorithm, source, checkpoint, f"{method} on {variant}"))
    train_and_save(runs, validation, threads, torch_device(device))


if __name__ == "__main__":
    run(main)
