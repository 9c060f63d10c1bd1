"""Stage `train_on_environments`: classifiers that see the real digits under other cues than the biased ones.

IRM and Group DRO see environments in which cues tell the label more or less often; the oracle sees new random
cues in every pass.
"""

from pathlib import Path

from stages.command import SCRATCH, run, section


def main(variant: str) -> None:
    """Train irm_2, irm_5, group_dro and oracle on environments of VARIANT."""
    seed, threads, device = section("seed"), section("threads"), section("device")
    schedule = section("mnist.classifier")
    variant_params = section(f"mnist.variants.{variant}")
    irm, group_dro = section("methods.irm").of(variant), section("methods.group_dro").of(variant)
    budget = section("budgets.train_classifiers")

    from cgn.data.mnist.environments import environment
    from cgn.data.sources import FreshImages, Images, Source
    from cgn.io.arrays import read_arrays
    from cgn.methods.algorithm import Algorithm
    from cgn.methods.baselines import on_environments
    from cgn.methods.erm import ERM
    from cgn.methods.training import Run, steps_for, train_and_save
    from cgn.networks.digit_cnn import DigitCNN
    from cgn.seeding import seed_for
    from cgn.training.checkpoint import Checkpoint, fingerprint
    from cgn.training.device import torch_device

    inputs = [
        Path("data/mnist/digits.safetensors"),
        Path("data/mnist/textures.safetensors"),
        Path(f"data/mnist/variants/{variant}.safetensors"),
    ]
    digits, textures, arrays = (read_arrays(path) for path in inputs)
    shapes, labels = digits["train_images"], digits["train_labels"]
    validation = Images(arrays["validation_images"], arrays["validation_labels"])
    runs = []

    def draw(method: str, correlation: float, number: int) -> Images:
        names = (variant, method, "cues", number)
        images = environment(variant, shapes, labels, correlation, variant_params, textures, seed, *names)
        return Images(images, labels)

    def add(method: str, algorithm: Algorithm, source: Source, *depends_on: object) -> None:
        settings = [seed, threads, device, schedule, variant_params, budget, method, *depends_on]
        run_id = fingerprint(settings, inputs)
        checkpoint = Checkpoint(SCRATCH / "train_on_environments" / f"{variant}-{method}.pt", run_id)
        folder = Path(f"models/mnist/classifiers/{variant}/{method}")
        runs.append(Run(folder, algorithm, source, checkpoint, f"{method} on {variant}"))

    for method, correlations in {**irm.environments, "group_dro": group_dro.environments}.items():
        params = group_dro if method == "group_dro" else irm
        environments = [draw(method, correlation, index) for index, correlation in enumerate(correlations)]
        baseline = on_environments(method, params, environments, variant, budget.image_passes, schedule, seed)
        add(method, *baseline, params)

    steps = steps_for(budget.image_passes, schedule.batch, schedule.decays)
    oracle = ERM(DigitCNN(seed_for(seed, variant, "oracle", "network")), steps, schedule)
    fresh = FreshImages(
        lambda number: draw("oracle", 0.0, number), len(labels), schedule.batch, seed, variant, "oracle"
    )
    add("oracle", oracle, fresh)
    train_and_save(runs, validation, threads, torch_device(device))


if __name__ == "__main__":
    run(main)
