"""Stage `train_on_generated`: the classifiers that are trained on generated images of one variant."""

from pathlib import Path

from stages.command import run, section
from stages.methods import method_sections, run_of
from stages.run import StageRun


def main(variant: str) -> None:
    """Train the methods that use generated images of VARIANT; the label of a counterfactual is its shape's.

    gan and cgn are trained on generated and biased images, cgn_only on counterfactuals only, and
    cgn_abduction on counterfactuals of the biased images.
    """
    stage = StageRun("train_on_generated")
    schedule, budget = section("mnist.classifier"), section("budgets.train_classifiers")
    black_ground = section(f"mnist.variants.{variant}.black_ground")
    methods = method_sections(variant, "generated")

    from cgn.data.sources import Images
    from cgn.io.arrays import read_arrays
    from cgn.methods.building import Task, on_generated
    from cgn.methods.registry import METHODS
    from cgn.methods.training import train_and_save

    data = Path(f"data/mnist/variants/{variant}.safetensors")
    arrays = read_arrays(data)
    real, validation = (
        Images(arrays[f"{split}_images"], arrays[f"{split}_labels"]) for split in ("train", "validation")
    )
    task = Task(variant, schedule, budget.image_passes, stage.seed, black_ground)
    runs = []
    for method, params in methods.items():
        shards = Path(f"data/mnist/shards/{variant}/{METHODS[method].shards}")
        ready = on_generated(method, params, real, shards, task)
        runs.append(run_of(stage, variant, method, ready, [schedule, params, budget], [data, shards]))
    train_and_save(runs, validation, stage.threads, stage.device)


if __name__ == "__main__":
    run(main)
