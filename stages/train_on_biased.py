"""Stage `train_on_biased`: the classifiers that are trained on the biased images of one variant only."""

from pathlib import Path

from stages.command import run, section
from stages.methods import method_sections, run_of
from stages.run import StageRun


def main(variant: str) -> None:
    """Train original, lntl and augmentation on the biased images of VARIANT."""
    stage = StageRun("train_on_biased")
    schedule, budget = section("mnist.classifier"), section("budgets.train_classifiers")
    black_ground = section(f"mnist.variants.{variant}.black_ground")
    methods = method_sections(variant, "biased")

    from cgn.data.sources import Images
    from cgn.io.arrays import read_arrays
    from cgn.methods.building import Task, on_biased
    from cgn.methods.training import train_and_save

    data = Path(f"data/mnist/variants/{variant}.safetensors")
    arrays = read_arrays(data)
    train, validation = (
        Images(arrays[f"{split}_images"], arrays[f"{split}_labels"]) for split in ("train", "validation")
    )
    task = Task(variant, schedule, budget.image_passes, stage.seed, black_ground)
    runs = []
    for method, params in methods.items():
        ready, settings = on_biased(method, params, train, task), [schedule, params, black_ground, budget]
        runs.append(run_of(stage, variant, method, ready, settings, [data]))
    train_and_save(runs, validation, stage.threads, stage.device)


if __name__ == "__main__":
    run(main)
