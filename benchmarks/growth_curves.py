"""What `growth` measures, and at which sizes; `make(size)` prepares a call."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from benchmarks.pictures import write_photos
from benchmarks.reading import encoded, places_of
from benchmarks.released import NotKept, our_training
from benchmarks.speed_cases import counterfactuals, wildlife, write
from cgn.data.shard_loader import ShardLoader
from cgn.data.sources import Images
from cgn.data.streaming import StreamedShards
from cgn.io.shards import Sample, write_shards
from cgn.methods.erm import ERM
from cgn.methods.training import train
from cgn.networks.digit_cnn import DigitCNN
from stages.command import section

STEPS = 16  # of a CGN's training, among them one with the gradient penalty
SHARD = 100  # images of a shard
BATCH = 32


class Curve(NamedTuple):
    """A cost at growing sizes."""

    name: str
    unit: str  # of the sizes
    sizes: tuple[int, ...]
    make: Callable[[int], Callable[[], Any]]


def in_time(folder: Path) -> list[Curve]:
    """Computations, and what is read from `folder`, where it is written first."""
    shards = partial(shards_of, folder)
    return [
        Curve("Wildlife MNIST synthesis", "images", (1000, 2000, 4000, 8000), lambda n: wildlife(n).ours),
        Curve("CGN step", "images of a batch", (4, 8, 16, 32), lambda n: our_training(STEPS, n)),
        Curve("sampling to tars", "images", (250, 500, 1000, 2000), sampling),
        Curve("shards, 1 worker", "shards", (1, 4, 16, 64), lambda n: loading(shards(n), 1)),
        Curve("shards, 2 workers", "shards", (2, 4, 16, 64), lambda n: loading(shards(n), 2)),
        Curve("classifier, an epoch", "images", (500, 1000, 2000, 4000), epoch),
        Curve("dvc repro, nothing to do", "stages", (5, 10, 20, 40), lambda n: no_op(folder / "dvc", n)),
    ]


def in_memory(folder: Path) -> list[Curve]:
    """Everything that streams: what it holds at once should not depend on the number of images."""
    shards, images = partial(shards_of, folder), (1000, 2000, 4000, 8000)
    return [
        Curve("memory: sampling to tars", "images", images, sampling),
        Curve("memory: ShardLoader", "images", images, lambda n: loading(shards(n // SHARD), 0)),
        Curve("memory: StreamedShards", "images", images, lambda n: streaming(shards(n // SHARD))),
        Curve("memory: JPEGs to batches", "images", (50, 100, 200, 400), lambda n: decoding(folder, n)),
    ]


def noisy_samples(count: int) -> Iterator[Sample]:
    """Images of 32 pixels, as those of MNIST are."""
    for index in range(count):
        rng = np.random.default_rng(index)
        labels = {name: int(rng.integers(10)) for name in ("shape", "foreground", "background")}
        image = rng.integers(0, 256, (32, 32, 3), dtype=np.uint8)
        yield Sample(image, {"index": index, "seed": 0, "labels": labels, "noise": labels})


def shards_of(folder: Path, count: int) -> Path:
    """A folder of so many shards, which is written once."""
    shards = folder / f"shards_{count}"
    if not shards.exists():
        write_shards(shards, noisy_samples(count * SHARD), SHARD)
    return shards


def loading(shards: Path, workers: int) -> Callable[[], Any]:
    """An epoch of the shards, shuffled, in batches."""
    loader = ShardLoader(shards, "shape", BATCH, workers, seed=0)
    return lambda: sum(len(labels) for _, labels in loader)


def streaming(shards: Path) -> Callable[[], Any]:
    """A pass over the shards as a training of digits makes it."""
    count = len(list(shards.glob("*.tar"))) * SHARD
    source = StreamedShards(shards, "shape", BATCH, 0)
    return lambda: [source.minibatches(step)[0].labels.sum() for step in range(count // BATCH)]


def sampling(count: int) -> Callable[[], Any]:
    """Counterfactuals of a CGN of the profile `paper`, from noise to tars."""
    _, draw = counterfactuals(count)
    return lambda: write(draw())


def epoch(count: int) -> Callable[[], Any]:
    """A training of a classifier that shows each image once, and then classifies 500 others."""
    rng = np.random.default_rng(0)
    images, validation = (
        Images(rng.integers(0, 256, (n, 32, 32, 3), dtype=np.uint8), rng.integers(0, 10, n))
        for n in (count, 500)
    )
    schedule = section("mnist.classifier").model_copy(update={"decays": 1})
    source = images.source(BATCH, 0, "growth")

    def run() -> None:
        torch.manual_seed(0)
        algorithm = ERM(DigitCNN(0), count // BATCH, schedule)
        train(algorithm, source, validation, NotKept(), torch.device("cpu"))

    return run


def decoding(folder: Path, count: int) -> Callable[[], Any]:
    """A pass over JPEGs of photos' size, in batches of 224 pixels, by this process alone."""
    images = encoded(places_of(write_photos(folder / f"photos_{count}", count)), workers=0)
    source = images.source(BATCH, 0, "growth")
    return lambda: [source.minibatches(step)[0].labels.sum() for step in range(count // BATCH)]


def no_op(folder: Path, stages: int) -> Callable[[], Any]:
    """`dvc repro` of a chain of so many stages, each with a file of parameters, that have run before."""
    place = folder / str(stages)
    place.mkdir(parents=True)
    (place / "params.yaml").write_text(
        "".join(f"p{index}: {index}\n" for index in range(stages)), encoding="utf-8"
    )
    (place / "0.txt").write_text("start\n", encoding="utf-8")
    chain = "".join(
        f"  s{index}:\n    cmd: cp {index}.txt {index + 1}.txt\n    deps: [{index}.txt]\n"
        f"    params: [p{index}]\n    outs: [{index + 1}.txt]\n"
        for index in range(stages)
    )
    (place / "dvc.yaml").write_text(f"stages:\n{chain}", encoding="utf-8")
    dvc = [sys.executable, "-m", "dvc"]
    for words in (["init", "--no-scm", "--quiet"], ["repro", "--quiet"]):
        subprocess.run([*dvc, *words], cwd=place, check=True)
    return lambda: subprocess.run([*dvc, "repro", "--quiet"], cwd=place, check=True)
