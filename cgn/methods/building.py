"""Every method of the list, ready to train: its algorithm, and where its minibatches come from.

The stages train them with the settings of a profile, `experiments.tuning` with those of its search.
"""

from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from cgn.data.sources import Environments, FixedImages, FreshImages, Images, Source
from cgn.data.streaming import real_and_generated
from cgn.methods.algorithm import Algorithm, Setting
from cgn.methods.params import ClassifierParams
from cgn.methods.registry import method_named
from cgn.methods.training import steps_for
from cgn.networks.digit_cnn import DigitCNN
from cgn.seeding import seed_for


class Ready(NamedTuple):
    """What `cgn.methods.training.train` needs of a method."""

    algorithm: Algorithm
    source: Source


class Task(NamedTuple):
    """What all methods of a variant have in common."""

    variant: str
    schedule: ClassifierParams
    image_passes: int  # that each method sees
    seed: int
    black_ground: bool  # whether a black pixel of the variant carries no cue


def on_biased(method: str, params: Any, images: Images, task: Task) -> Ready:
    """`method` of `params` on the biased `images`.

    Its name is also that of its random numbers: network, order, draws. Raises ValueError for an unknown
    method and TypeError for parameters of another one; so do the others.
    """
    batch = task.schedule.batch
    source = FixedImages(images, batch, task.seed, task.variant, method)
    return Ready(_algorithm(method, params, batch, task), source)


def on_environments(method: str, params: Any, environments: Sequence[Images], task: Task) -> Ready:
    """`method` of `params` on `environments`, `params.environment_batch` images of each a step."""
    batch = params.environment_batch
    source = Environments(environments, batch, task.seed, task.variant, method)
    return Ready(_algorithm(method, params, batch * len(environments), task), source)


def on_random_cues(method: str, params: Any, draw: Callable[[int], Images], count: int, task: Task) -> Ready:
    """`method` of `params` on the images that `draw` gives for pass 0, 1, ..., `count` each."""
    batch = task.schedule.batch
    source = FreshImages(draw, count, batch, task.seed, task.variant, method)
    return Ready(_algorithm(method, params, batch, task), source)


def on_generated(method: str, params: Any, real: Images, shards: Path, task: Task) -> Ready:
    """`method` of `params` on biased images, the share `params.real_share`, and on those of `shards`.

    The label of a generated image is that of its shape.
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

    network = DigitCNN(seed_of("network"))
    steps = steps_for(task.image_passes, images_per_step, task.schedule.decays)
    setting = Setting(network, steps, task.schedule, params, seed_of, task.black_ground)
    # By name, so that a stage depends on the methods that it trains, not on all.
    algorithm: Algorithm = import_module(f"cgn.methods.{row.module}").build(setting)
    return algorithm
