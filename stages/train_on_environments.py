"""Stage `train_on_environments`: IRM on environments of one variant whose cues tell the label less often."""

from pathlib import Path

from stages.command import SCRATCH, run, section


def main(variant: str) -> None:
    """Train irm_2 and irm_5 on environments of VARIANT."""
    seed, threads = section("seed"), section("threads")
    schedule = section("mnist.classifier")
    variant_params = section(f"mnist.variants.{variant}")
    params = section("methods.irm")
    budget = section("budgets.train_on_environments")

    from cgn.classifiers.network import DigitCNN
    from cgn.classifiers.sources import Environments, Images
    from cgn.classifiers.training import Run, steps_for, train_and_save
    from cgn.common.arrays import read_arrays
    from cgn.common.checkpoint import Checkpoint, fingerprint
    from cgn.common.seeding import seed_for
    from cgn.methods.irm import IRM
    from cgn.mnist.datasets.environments import environment

    inputs = [
        Path("data/mnist/digits.safetensors"),
        Path("data/mnist/textures.safetensors"),
        Path(f"data/mnist/variants/{variant}.safetensors"),
    ]
    digits, all_textures, arrays = (read_arrays(path) for path in inputs)
    textures = all_textures if variant == "wildlife_mnist" else None
    shapes, labels = digits["train_images"], digits["train_labels"]
    validation = Images(arrays["validation_images"], arrays["validation_labels"])

    runs = []
    for method, correlations in params.environments.items():
        environments = []
        for index, correlation in enumerate(correlations):
            names = (variant, method, "cues", index)
            images = environment(variant, shapes, labels, correlation, variant_params, textures, seed, *names)
            environments.append(Images(images, labels))
        # As many images a step as any other method, give or take a rounding; two halves need two.
        batch = max(2, schedule.batch // len(environments))
        steps = steps_for(budget.image_passes, batch * len(environments), schedule.decays)
        algorithm = IRM(DigitCNN(seed_for(seed, variant, method, "network")), steps, schedule, params)
        source = Environments(environments, batch, seed, variant, method)
        run_id = fingerprint([seed, threads, schedule, variant_params, params, budget, method], inputs)
        checkpoint = Checkpoint(SCRATCH / "train_on_environments" / f"{variant}-{method}.pt", run_id)
        folder = Path(f"models/mnist/classifiers/{variant}/{method}")
        runs.append(Run(folder, algorithm, source, checkpoint, f"{method} on {variant}"))
    train_and_save(runs, validation)


if __name__ == "__main__":
    run(main)
