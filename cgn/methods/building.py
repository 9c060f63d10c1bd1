"""Builds the methods of the registry: the algorithm, and the source of its minibatches.

The stages train them with the settings of a profile, `experiments.tuning` with those of its search.
"""

from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from cgn.data.sources import Environments, FixedImages, FreshImages, Images, Source
from cgn.data.streaming import real_and_generated
from cgn.methods.algorithm import Algorithm, Setting
from cgn.methods.params import DigitClassifierParams
from cgn.methods.registry import method_named
from cgn.methods.training import steps_for
from cgn.networks.digit_cnn import DigitCNN
from cgn.seeding import seed_for


class Ready(NamedTuple):
    """An algorithm and its source, ready for `cgn.methods.training.train`."""

    algorithm: Algorithm
    source: Source


class Task(NamedTuple):
    """The settings that all methods of a variant share."""

    variant: str
    schedule: DigitClassifierParams
    image_passes: int  # images shown to each method
    seed: int
    black_ground: bool  # whether a black pixel of the variant carries no cue


def on_biased(method: str, params: Any, images: Images, task: Task) -> Ready:
    """Builds `method` with `params` on the biased `images`.

    The method's name also seeds its random numbers. Raises ValueError for an unknown method, and TypeError if
    `params` are of another method.
    """
    batch = task.schedule.batch
    source = FixedImages(images, batch, task.seed, task.variant, method)
    return Ready(_algorithm(method, params, batch, task), source)


def on_environments(method: str, params: Any, environments: Sequence[Images], task: Task) -> Ready:
    """Builds `method` with `params` on `environments`; a step has `params.environment_batch` images of each.

    Raises ValueError and TypeError as `on_biased`.
    """
    batch = params.environment_batch
    source = Environments(environments, batch, task.seed, task.variant, method)
    return Ready(_algorithm(method, params, batch * len(environments), task), source)


def on_random_cues(method: str, params: Any, draw: Callable[[int], Images], count: int, task: Task) -> Ready:
    """Builds `method` with `params` on images that `draw` returns for pass 0, 1, ..., `count` each.

    Raises ValueError and TypeError as `on_biased`.
    """
    batch = task.schedule.batch
    source = FreshImages(draw, count, batch, task.seed, task.variant, method)
    return Ready(_algorithm(method, params, batch, task), source)


def on_generated(method: str, params: Any, real: Images, shards: Path, task: Task) -> Ready:
    """Builds `method` with `params` on images of `shards`, and the share `params.real_share` of biased ones.

    The label of a generated image is that of its shape. Raises ValueError and TypeError as `on_biased`, and
    UserError as `real_and_generated`.
    """
    batch, names = task.schedule.batch, (task.variant, method)
    source = real_and_generated(real, shards, params.real_share, batch, task.seed, *names)
    return Ready(_algorithm(method, params, batch, task), source)


def _algorithm(method: str, params: Any, images_per_step: int, task: Task) -> Algorithm:
    row = method_named(method)
    if row.parameters is not None and not isinstance(params, row.parameters):
        raise TypeError(f"{method}: takes {row.parameters.__name__}, not {type(params).__name__}")

    def seed_of(purpose: str) -> int:
        return seed_for(task.seed, task.variant, method, purpose)

    network = DigitCNN(seed_of("network"), released=task.schedule.network == "released")
    steps = steps_for(task.image_passes, images_per_step, task.schedule.decays)
    setting = Setting(network, steps, task.schedule, params, seed_of, task.black_ground)
    # Imported by name, so that a stage depends only on the methods that it trains.
    algorithm: Algorithm = import_module(f"cgn.methods.{row.module}").build(setting)
    return algorithm
