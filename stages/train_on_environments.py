"""Stage `train_on_environments`: the classifiers that are trained on real digits with less biased cues.


IRM and Group DRO are trained on environments with different correlations of cue and label, the oracle on new
random cues in every pass.
"""

from functools import partial
from pathlib import Path

from stages.command import run, section
from stages.methods import method_sections, run_of
from stages.run import StageRun


def main(variant: str) -> None:
    """Train irm_2, irm_5 and group_dro on environments of VARIANT, and the oracle on random cues."""
    stage = StageRun("train_on_environments")
    schedule, budget = section("mnist.classifier"), section("budgets.train_classifiers")
    own = section(f"mnist.variants.{variant}")
    methods = method_sections(variant, "environments", "random_cues")

    from cgn.data.mnist.variants import environment
    from cgn.data.sources import Images
    from cgn.io.arrays import read_arrays
    from cgn.methods.building import Task, on_environments, on_random_cues
    from cgn.methods.registry import METHODS
    from cgn.methods.training import train_and_save

    names = ("digits", "textures", f"variants/{variant}")
    inputs = [Path(f"data/mnist/{name}.safetensors") for name in names]
    digits, textures, arrays = (read_arrays(path) for path in inputs)
    shapes, labels = digits["train_images"], digits["train_labels"]
    validation = Images(arrays["validation_images"], arrays["validation_labels"])
    task = Task(variant, schedule, budget.image_passes, stage.seed, own.black_ground)

    def draw(method: str, correlation: float, number: int) -> Images:
        of = (variant, method, "cues", number)
        return Images(
            environment(variant, shapes, labels, correlation, own, textures, stage.seed, *of), labels
        )

    runs = []
    for method, params in methods.items():
        if METHODS[method].data == "environments":
            correlations = enumerate(params.correlations(method))
            environments = [draw(method, correlation, index) for index, correlation in correlations]
            ready = on_environments(method, params, environments, task)
        else:
            ready = on_random_cues(method, params, partial(draw, method, 0.0), len(labels), task)
        runs.append(run_of(stage, variant, method, ready, [schedule, own, budget, params], inputs))
    train_and_save(runs, validation, stage.threads, stage.device)


if __name__ == "__main__":
    run(main)
