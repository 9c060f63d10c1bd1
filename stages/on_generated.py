"""Shared by the stages that train classifiers of generated images, of the GAN or of the CGN."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stages.command import section
from stages.methods import run_of
from stages.run import StageRun


def train(stage: StageRun, variant: str, methods: Mapping[str, Any], threads: int) -> None:
    """Train `methods` (name -> parameters) on biased images and on their shards, by the shape's label."""
    schedule, budget = section("mnist.classifier"), section("budgets.train_classifiers")
    black_ground = section(f"mnist.variants.{variant}.black_ground")

    import torch

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
    task = Task(variant, schedule, budget.updates, stage.seed, black_ground)
    runs = []
    for method, params in methods.items():
        shards = Path(f"data/mnist/shards/{variant}/{METHODS[method].shards}")
        ready = on_generated(method, params, real, shards, task)
        runs.append(run_of(stage, variant, method, ready, [schedule, params, budget], [data, shards]))
    torch.set_num_threads(threads)
    train_and_save(runs, validation, threads, stage.device)
