"""What was made fast: each computation beside a plain one of the same result, in one run.

`python -m benchmarks.speed` prints items a second of both, their ratio, the operations of one item and the
share of this machine's limit (a matrix product of 1024 x 1024) that ours reaches. Rates differ from machine
to machine and from minute to minute, hence the two take turns and only ratios should be compared.
"""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode
from webdataset import TarWriter

from cgn.classifiers.network import DigitCNN
from cgn.common.pixels import from_bytes, to_bytes
from cgn.common.shards import write_shards
from cgn.mnist.datasets.variants import Cues, synthesize
from cgn.mnist.generators.discriminator import Discriminator
from cgn.mnist.generators.mechanisms import CGN, CGNConfig, UpsamplingNetwork
from cgn.mnist.generators.sampling import sample_counterfactuals
from cgn.params.mnist import WildlifeParams
from cgn.params.shared import CounterfactualParams
from cgn.scm import compose

ROUNDS = 7  # of which the median counts
WIDTH, NOISE, LABEL, BATCH = 16, 10, 16, 16  # of the laptop profile's CGN


class Case(NamedTuple):
    name: str
    items: int  # that one call works on
    ours: Callable[[], Any]
    plain: Callable[[], Any]
    plain_is: str
    counts_operations: bool = True  # whether it is arithmetic of torch


def main() -> None:
    """Run every case and print the table."""
    limit = matmul_limit()
    print(f"{torch.get_num_threads()} threads, {limit / 1e9:.0f} GFLOP/s in a matrix product")
    rows = []
    for case in (wildlife(), texture_network(), discriminator(), classifier(), sampling()):
        ours, plain = in_turn(case.ours, case.plain)
        operations = flops(case.ours) / case.items if case.counts_operations else None
        rows.append(
            {
                "computation": case.name,
                "images/s": case.items / ours,
                "plain images/s": case.items / plain,
                "ratio": plain / ours,
                "MFLOP an image": operations / 1e6 if operations else None,
                "share of the limit, %": 100 * operations * case.items / ours / limit if operations else None,
                "plain is": case.plain_is,
            }
        )
    print(pd.DataFrame(rows).to_markdown(index=False, floatfmt=("", ".0f", ".0f", ".2f", ".1f", ".0f", "")))


def matmul_limit() -> float:
    """Operations a second of a float32 product of 1024 x 1024 matrices; the best of the rounds."""
    left, right = torch.randn(2, 1024, 1024)
    return 2 * 1024**3 / min(seconds(lambda: left @ right) for _ in range(20))


def seconds(call: Callable[[], Any]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def in_turn(ours: Callable[[], Any], plain: Callable[[], Any]) -> tuple[float, float]:
    """Median seconds of a call of each, after one to warm up, taking turns."""
    pairs = [(seconds(ours), seconds(plain)) for _ in range(ROUNDS + 1)][1:]
    return median(pair[0] for pair in pairs), median(pair[1] for pair in pairs)


def flops(call: Callable[[], Any]) -> int:
    """Floating-point operations of the convolutions and matrix products of one call."""
    with FlopCounterMode(display=False) as counter:
        call()
    return int(counter.get_total_flops())


def wildlife() -> Case:
    """Wildlife MNIST: vectorised on bytes, against an image at a time as in the released code."""
    rng = np.random.default_rng(0)
    count, size, padding = 2000, 150, 3
    digits = rng.integers(0, 256, (count, 28, 28), dtype=np.uint8)
    names = ("foreground", "background")
    textures = {name: rng.integers(0, 256, (10, size, size, 3), dtype=np.uint8) for name in names}
    cues = Cues(*rng.integers(0, 10, (2, count), dtype=np.uint8))
    params = WildlifeParams(texture_size=size, crop_padding=padding, binarize_threshold=0.1)

    def crop(texture: np.ndarray) -> np.ndarray:
        padded = np.pad(texture, ((padding, padding), (padding, padding), (0, 0)), mode="reflect")
        row, column = rng.integers(0, size + 2 * padding - 31, 2)
        return padded[row : row + 32, column : column + 32].astype(np.float32) / 255

    def plain() -> np.ndarray:
        images = []
        for index in range(count):
            digit = torch.from_numpy(digits[index])[None, None].float() / 255
            mask = functional.interpolate(digit, 32)[0, 0].numpy()[..., None] > 0.1
            foreground = crop(textures["foreground"][cues.foreground[index]])
            background = crop(textures["background"][cues.background[index]])
            images.append(((mask * foreground + ~mask * background) * 255).astype(np.uint8))
        return np.stack(images)

    def ours() -> np.ndarray:
        return synthesize("wildlife_mnist", digits, cues, params, textures, rng)

    return Case("Wildlife MNIST synthesis", count, ours, plain, "an image at a time", False)


def texture_network() -> Case:
    """A texture mechanism's network, forward and backward, at the size and batch of its training."""
    network, reference = (UpsamplingNetwork(WIDTH, 3, NOISE, LABEL, circular) for circular in (True, False))
    reference.load_state_dict(network.state_dict())
    for convolution in (reference.conv_8, reference.conv_16, reference.conv_32):
        convolution.padding_mode = "circular"
    noise, labels = torch.randn(BATCH, NOISE), torch.arange(BATCH) % 10
    return Case(
        "texture network, forward and backward",
        BATCH,
        lambda: torch.autograd.backward(network(noise, labels).sum()),
        lambda: torch.autograd.backward(reference(noise, labels).sum()),
        "wraps before each convolution",
    )


def discriminator() -> Case:
    """The discriminator's loss on real and generated images, forward and backward."""
    network = Discriminator(24).to(memory_format=torch.channels_last)
    images, labels = torch.rand(2 * BATCH, 3, 32, 32), torch.arange(2 * BATCH) % 10

    def plain() -> None:
        halves = [network(*half) for half in zip(images.chunk(2), labels.chunk(2), strict=True)]
        torch.autograd.backward(torch.cat(halves).sum())

    return Case(
        "discriminator, forward and backward",
        2 * BATCH,
        lambda: torch.autograd.backward(network(images, labels, groups=2).sum()),
        plain,
        "two calls",
    )


class PlainCNN(nn.Sequential):
    """The classifier as the paper writes it."""

    def __init__(self) -> None:
        super().__init__(
            nn.BatchNorm2d(3), nn.Conv2d(3, 32, 5), nn.ReLU(), nn.MaxPool2d(3, 2),
            nn.Conv2d(32, 32, 3, padding=1), nn.ReLU(), nn.Conv2d(32, 64, 3, 2, 1), nn.ReLU(),
            nn.Conv2d(64, 64, 3, padding=1), nn.ReLU(), nn.AvgPool2d(7), nn.Flatten(), nn.Linear(64, 10),
        )  # fmt: skip


def classifier() -> Case:
    """The classifier's loss and gradients on batches of bytes."""
    network, reference, count = DigitCNN(0), PlainCNN(), 32
    images = torch.randint(0, 256, (count, 32, 32, 3), dtype=torch.uint8)
    labels = torch.arange(count) % 10

    def gradients(model: nn.Module, pixels: Tensor) -> None:
        torch.autograd.backward(functional.cross_entropy(model(pixels), labels))

    return Case(
        "classifier, forward and backward",
        count,
        lambda: gradients(network, from_bytes(images)),
        lambda: gradients(reference, from_bytes(images).contiguous()),
        "layers as written, channels first",
    )


def sampling() -> Case:
    """Counterfactuals from noise to tars of PNG and JSON."""
    cgn, count = CGN(CGNConfig(WIDTH, NOISE, LABEL, 9.0, "shift", 8, "patterned")).eval(), 1000
    params = CounterfactualParams(
        intervened=["shape", "foreground", "background"], noise="per_mechanism", ratio=10
    )

    def ours() -> None:
        with tempfile.TemporaryDirectory() as folder:
            write_shards(Path(folder) / "shards", sample_counterfactuals(cgn, params, 0, 0, count), 500)

    def plain() -> None:
        with tempfile.TemporaryDirectory() as folder, TarWriter(f"{folder}/000000.tar") as writer:
            for index in range(count):
                noise, labels = torch.randn(3, 1, NOISE), torch.randint(10, (3, 1))
                with torch.inference_mode():
                    mask = cgn.masks(labels[0], noise[0])
                    foreground = cgn.foreground(noise[1], labels[1], torch.rand(1, 64))
                    background = cgn.background(noise[2], labels[2], torch.rand(1, 64))
                    image = to_bytes(compose(mask, foreground, background))[0]
                writer.write({"__key__": f"{index:08d}", "png": image, "json": labels[:, 0].tolist()})

    return Case("counterfactuals, from noise to tars", count, ours, plain, "an image at a time")


if __name__ == "__main__":
    main()
