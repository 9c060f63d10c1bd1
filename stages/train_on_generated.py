"""Stage `train_on_generated`: classifiers on the generated images of one variant."""

from pathlib import Path

from stages.command import SCRATCH, run, section

# The images that each method sees, beside biased ones.
GENERATED = {
    "gan": "gan",
    "cgn": "counterfactuals",
    "cgn_only": "counterfactuals",
    "cgn_abduction": "abducted",
}


def main(variant: str) -> None:
    """Train on VARIANT: gan and cgn (biased and generated images), cgn_only (counterfactuals alone), and
    cgn_abduction (counterfactuals of the biased images).

    The label of a counterfactual is that of its shape.
    """
    seed, threads, device = section("seed"), section("threads"), section("device")
    schedule = section("mnist.classifier")
    methods = {
        "gan": section("methods.gan").of(variant),
        "cgn": section("methods.cgn").of(variant),
        "cgn_only": section("methods.cgn_only").of(variant),
        "cgn_abduction": section("methods.cgn_abduction").of(variant),
    }
    budget = section("budgets.train_classifiers")

    from cgn.data.sources import Images
    from cgn.data.streaming import real_and_generated
    from cgn.io.arrays import read_arrays
    from cgn.methods.erm import ERM
    from cgn.methods.training import Run, steps_for, train_and_save
    from cgn.networks.digit_cnn import DigitCNN
    from cgn.seeding import seed_for
    from cgn.training.checkpoint import Checkpoint, fingerprint
    from cgn.training.device import torch_device

    data = Path(f"data/mnist/variants/{variant}.safetensors")
    arrays = read_arrays(data)
    real = Images(arrays["train_images"], arrays["train_labels"])
    validation = Images(arrays["validation_images"], arrays["validation_labels"])

    steps = steps_for(budget.image_passes, schedule.batch, schedule.decays)
    runs = []
    for method, params in methods.items():
        shards = Path(f"data/mnist/shards/{variant}/{GENERATED[method]}")
        algorithm = ERM(DigitCNN(seed_for(seed, variant, method, "network")), steps, schedule)
        source = real_and_generated(real, shards, params.real_share, schedule.batch, seed, variant, method)
        run_id = fingerprint([seed, threads, device, schedule, params, budget, method], [data, shards])
        checkpoint = Checkpoint(SCRATCH / "train_on_generated" / f"{variant}-{method}.pt", run_id)
        folder = Path(f"models/mnist/classifiers/{variant}/{method}")
        runs.append(Run(folder, algorithm, source, checkpoint, f"{method} on {variant}"))
    train_and_save(runs, validation, threads, torch_device(device))


if __name__ == "__main__":
    run(main)
