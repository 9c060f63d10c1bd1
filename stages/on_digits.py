"""Shared by `train_on_environments` and `train_on_random_cues`: classifiers of digits with other cues."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from stages.command import section
from stages.methods import run_of
from stages.run import StageRun

# draw(correlation, number): images of all training digits, whose cues have this correlation with the label
Draw = Callable[[float, int], Any]
# (method, its parameters, draw, number of digits, task) -> `cgn.methods.building.Ready`
Build = Callable[[str, Any, Draw, int, Any], Any]


def train(stage: StageRun, variant: str, methods: Mapping[str, Any], build: Build) -> None:
    """Train `methods` (name -> parameters) on digits with the cues that `build` asks for."""
    schedule, budget = section("mnist.classifier"), section("budgets.train_classifiers")
    own = section(f"mnist.variants.{variant}")

    from cgn.data.mnist.variants import environment
    from cgn.data.sources import Images
    from cgn.io.arrays import read_arrays
    from cgn.methods.building import Task
    from cgn.methods.training import train_and_save

    names = ("digits", "textures", f"variants/{variant}")
    inputs = [Path(f"data/mnist/{name}.safetensors") for name in names]
    digits, textures, arrays = (read_arrays(path) for path in inputs)
    shapes, labels = digits["train_images"], digits["train_labels"]
    validation = Images(arrays["validation_images"], arrays["validation_labels"])
    task = Task(variant, schedule, budget.updates, stage.seed, own.black_ground)

    runs = []
    for method, params in methods.items():

        def draw(correlation: float, number: int, method: str = method) -> Images:
            of = (variant, method, "cues", number)
            drawn = environment(variant, shapes, labels, correlation, own, textures, stage.seed, *of)
            return Images(drawn, labels)

        ready = build(method, params, draw, len(labels), task)
        runs.append(run_of(stage, variant, method, ready, [schedule, own, budget, params], inputs))
    train_and_save(runs, validation, stage.threads, stage.device)
