"""Stage `train_on_biased`: classifiers that see the biased images of one variant and nothing else."""

from pathlib import Path

from stages.command import SCRATCH, run, section


def main(variant: str) -> None:
    """Train original, lntl and augmentation on VARIANT."""
    seed, threads, device = section("seed"), section("threads"), section("device")
    schedule = section("mnist.classifier")
    methods = {
        "original": section("methods.original").of(variant),
        "lntl": section("methods.lntl").of(variant),
        "augmentation": section("methods.augmentation").of(variant),
    }
    black_ground = section(f"mnist.variants.{variant}.black_ground")
    budget = section("budgets.train_classifiers")

    from cgn.data.sources import Images
    from cgn.io.arrays import read_arrays
    from cgn.methods.baselines import on_biased
    from cgn.methods.training import Run, train_and_save
    from cgn.training.checkpoint import Checkpoint, fingerprint
    from cgn.training.device import torch_device

    data = Path(f"data/mnist/variants/{variant}.safetensors")
    arrays = read_arrays(data)
    train = Images(arrays["train_images"], arrays["train_labels"])
    validation = Images(arrays["validation_images"], arrays["validation_labels"])
    runs = []
    for method, params in methods.items():
        baseline = on_biased(
            method, params, train, variant, black_ground, budget.image_passes, schedule, seed
        )
        settings = [seed, threads, device, schedule, params, black_ground, budget, method]
        run_id = fingerprint(settings, [data])
        checkpoint = Checkpoint(SCRATCH / "train_on_biased" / f"{variant}-{method}.pt", run_id)
        folder = Path(f"models/mnist/classifiers/{variant}/{method}")
        runs.append(Run(folder, *baseline, checkpoint, f"{method} on {variant}"))
    train_and_save(runs, validation, threads, torch_device(device))


if __name__ == "__main__":
    run(main)
