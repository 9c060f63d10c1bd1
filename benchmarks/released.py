"""The CGN of Wildlife MNIST: a training step of the released code beside ours, in one run.

`python -m benchmarks.released` prints images a second of both, and the hours to the end of both schedules:
the released 15 epochs, and the steps of the profile `paper`. `released_step.py` stands in for the released
code; its reading of images, which is slow, is left out. VGG16 has random weights, which take the same time.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import numpy as np
import pandas as pd
import torch
import typer

from benchmarks.released_step import BATCH, EPOCHS, ReleasedTraining
from benchmarks.timing import Seconds, in_turn, machine
from cgn.generators.mnist.adversarial import train_adversarially
from cgn.generators.mnist.mechanisms import CGNConfig
from cgn.generators.mnist.training import TrainableCGN
from cgn.io.files import write_json
from cgn.params.reading import read
from cgn.training.checkpoint import Checkpoint

VARIANT, IMAGES = "wildlife_mnist", 50_000  # of an epoch


def main(
    out: Annotated[Path, typer.Option(help="JSON file")] = Path("benchmarks/released.json"),
    rounds: Annotated[int, typer.Option(min=1)] = 3,
    ours: Annotated[int, typer.Option(min=1, help="steps of ours in a turn")] = 16,
    theirs: Annotated[int, typer.Option(min=1, help="steps of theirs in a turn")] = 4,
) -> None:
    """Measure both and print the table."""
    params = read(profile="paper")
    steps, batch = params.budgets.train_cgn.steps, params.budgets.train_cgn.batch
    times = in_turn({"ours": our_training(ours), "released": released_training(theirs)}, rounds)
    rows = {
        "released": row(times["released"], theirs * BATCH, EPOCHS * IMAGES),
        "ours": row(times["ours"], ours * batch, steps * batch),
    }
    facts: dict[str, Any] = {"machine": machine(), "rows": rows}
    for clock in ("hours", "cpu_hours"):
        facts[f"ratio_of_{clock}"] = rows["released"][clock] / rows["ours"][clock]
    write_json(out, facts)
    print(table(facts))


def table(facts: dict[str, Any]) -> str:
    """Both schedules, in hours of a processor, and the ratio."""
    rows = {
        name: {
            "images of the schedule": found["images"],
            "images a processor-second": found["images_per_cpu_second"],
            "processor-hours": found["cpu_hours"],
            "times as long": found["cpu_hours"] / facts["rows"]["ours"]["cpu_hours"],
        }
        for name, found in facts["rows"].items()
    }
    return pd.DataFrame(rows).T.to_markdown(floatfmt=("", ".0f", ".0f", ".2f", ".1f"))


def row(times: Seconds, images: int, schedule: int) -> dict[str, float]:
    """Speed of a turn with so many `images`, and the time of a whole `schedule` of images."""
    return {
        "images": schedule,
        "images_per_second": images / times.wall,
        "images_per_cpu_second": images / times.cpu,
        "hours": schedule * times.wall / images / 3600,
        "cpu_hours": schedule * times.cpu / images / 3600,
    }


def our_training(steps: int, batch: int | None = None) -> Callable[[], Any]:
    """A whole training of so many steps, with the settings of the profile `paper`."""
    params = read(profile="paper")
    own, adversarial = params.mnist.cgn.of(VARIANT), params.mnist.adversarial
    batch = batch or params.budgets.train_cgn.batch
    budget = params.budgets.train_cgn.model_copy(update={"steps": steps, "batch": batch})
    texture = (own.texture_shuffle, own.patch_size, own.texture_start)
    sizes = (budget.width, budget.noise_dimensions, adversarial.label_dimensions)
    config = CGNConfig(*sizes, own.mask_start_radius, *texture)
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (2000, 32, 32, 3), dtype=np.uint8)
    labels = rng.integers(0, 10, 2000, dtype=np.uint8)

    def train() -> None:
        torch.manual_seed(0)
        train_adversarially(
            TrainableCGN(config, own), images, labels, adversarial, own.lambda_adversarial, budget, 0,
            NotKept(), torch.device("cpu"),
        )  # fmt: skip

    return train


class NotKept(Checkpoint):
    """The checkpoint of a training whose result nobody needs."""

    def __init__(self) -> None:
        self._folder = TemporaryDirectory()  # for the loop's record of losses
        super().__init__(Path(self._folder.name) / "unused", "")

    def load(self) -> None:
        """There is none."""

    def save(self, state: dict[str, Any]) -> None:
        """Forgets the state."""


def released_training(steps: int) -> Callable[[], Any]:
    """So many steps of the released code, of random images in memory."""
    training = ReleasedTraining()
    images, labels = torch.rand(BATCH, 3, 32, 32) * 2 - 1, torch.arange(BATCH) % 10
    step = partial(training.step, images, labels)
    return lambda: [step() for _ in range(steps)]


if __name__ == "__main__":
    typer.run(main)
