"""The computations that `speed` measures, at the paper profile's sizes, each with a plain counterpart."""

import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from cgn.data.mnist.variants import Cues, synthesize
from cgn.data.params import WildlifeParams
from cgn.data.sources import Minibatch
from cgn.generators.ahead import compute_ahead
from cgn.generators.mnist.mechanisms import CGN, CGNConfig, UpsamplingNetwork
from cgn.generators.mnist.sampling import BLOCK, sample_counterfactuals
from cgn.io.pixels import from_bytes, to_bytes
from cgn.io.shards import Sample, write_shards
from cgn.methods.erm import ERM
from cgn.networks.digit_cnn import DigitCNN
from cgn.networks.discriminators import DigitDiscriminator
from cgn.scm import CounterfactualParams, compose
from stages.command import section

WIDTH, NOISE, LABEL, DISCRIMINATOR, BATCH = 32, 32, 16, 64, 32  # of the paper profile's CGN
RATIO = 10  # images for one shape


class Case(NamedTuple):
    name: str
    items: int  # that one call works on
    ours: Callable[[], Any]
    plain: Callable[[], Any]
    plain_is: str
    minimum: float  # operations of an item that no way of computing it saves, or bytes read and written
    in_bytes: bool = False


def all_cases() -> list[Case]:
    """In the order of the pipeline."""
    return [wildlife(), texture_network(), discriminator(), textures(), sampling(), classifier()]


def flops(call: Callable[[], Any]) -> int:
    """Floating-point operations of the convolutions and matrix products of one call."""
    with FlopCounterMode(display=False) as counter:
        call()
    return int(counter.get_total_flops())


def wildlife(count: int = 2000) -> Case:
    """Wildlife MNIST: vectorised on bytes, against an image at a time as in the released code."""
    rng = np.random.default_rng(0)
    size, padding = 150, 3
    digits = rng.integers(0, 256, (count, 28, 28), dtype=np.uint8)
    names = ("foreground", "background")
    textures = {name: rng.integers(0, 256, (10, size, size, 3), dtype=np.uint8) for name in names}
    cues = Cues(*rng.integers(0, 10, (2, count), dtype=np.uint8))
    params = WildlifeParams(
        black_ground=False, binarize_threshold=0.1, texture_size=size, crop_padding=padding
    )

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

    least = 28 * 28 + 3 * 32 * 32 * 3  # a digit and two crops are read, an image is written
    return Case("Wildlife MNIST synthesis", count, ours, plain, "an image at a time", least, in_bytes=True)


def texture_networks() -> tuple[UpsamplingNetwork, UpsamplingNetwork]:
    """A texture mechanism's network, and the same with torch's own circular padding."""
    network, reference = (UpsamplingNetwork(WIDTH, 3, NOISE, LABEL, circular) for circular in (True, False))
    reference.load_state_dict(network.state_dict())
    for convolution in (reference.conv_8, reference.conv_16, reference.conv_32):
        convolution.padding_mode = "circular"
    return network, reference


def texture_network() -> Case:
    """Forward and backward at the batch of its training."""
    network, reference = texture_networks()
    noise, labels = torch.randn(BATCH, NOISE), torch.arange(BATCH) % 10

    def plain() -> None:
        torch.autograd.backward(reference(noise, labels).sum())

    return Case(
        "texture network, forward and backward",
        BATCH,
        lambda: torch.autograd.backward(network(noise, labels).sum()),
        plain,
        "wraps before each convolution",
        flops(plain) / BATCH,
    )


def textures() -> Case:
    """A texture mechanism's network as `sample_counterfactuals` runs it, by blocks and threads."""
    network, reference = texture_networks()
    network.eval()
    count = 2000
    noise, labels = torch.randn(count, NOISE), torch.arange(count) % 10

    def sample(model: nn.Module, block: int) -> None:
        def part(first: int) -> Tensor:
            with torch.inference_mode():
                maps: Tensor = model(noise[first : first + block], labels[first : first + block])
            return maps

        list(compute_ahead(part, range(0, count, block), torch.get_num_threads()))

    return Case(
        "texture network, sampling",
        count,
        lambda: sample(network, BLOCK),
        lambda: sample(reference, 500),
        "torch's circular padding, blocks of 500",
        flops(lambda: reference(noise, labels)) / count,
    )


def discriminator() -> Case:
    """The discriminator's loss on real and generated images, forward and backward."""
    network = DigitDiscriminator(DISCRIMINATOR, classes=10)
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
        flops(plain) / (2 * BATCH),
    )


def counterfactuals(count: int) -> tuple[CGN, Callable[[], Iterator[Sample]]]:
    """A CGN, and what draws `count` counterfactuals of it, some at a time."""
    cgn = CGN(CGNConfig(WIDTH, NOISE, LABEL, 9.0, "shift", 8, "patterned")).eval().requires_grad_(False)
    params = CounterfactualParams(
        intervened=["shape", "foreground", "background"], noise="per_mechanism", ratio=RATIO
    )
    return cgn, lambda: sample_counterfactuals(cgn, params, 0, 0, count)


def write(samples: Iterable[Sample]) -> None:
    """As the stages do."""
    with tempfile.TemporaryDirectory() as folder:
        write_shards(Path(folder) / "shards", samples, 500)


def sampling() -> Case:
    """Counterfactuals from noise to tars of PNG and JSON."""
    count = 1000
    cgn, draw = counterfactuals(count)
    _, reference = texture_networks()
    metadata = [sample.metadata for sample in draw()]

    def plain() -> None:
        samples: list[Sample] = []
        for first in range(0, count, 500):
            noise, labels = torch.randn(3, 500, NOISE), torch.randint(10, (3, 500))
            with torch.inference_mode():
                mask = cgn.shape(labels[0], noise[0])
                maps = [reference(noise[cue], labels[cue]) for cue in (1, 2)]
                images = to_bytes(compose(mask, maps[0], maps[1]))
            samples += [Sample(image, metadata[first + row]) for row, image in enumerate(images)]
        write(samples)

    labels = torch.arange(10)
    texture = flops(lambda: reference(torch.randn(10, NOISE), labels)) / 10
    mask = flops(lambda: cgn.shape(labels, torch.randn(10, NOISE))) / 10
    return Case(
        "counterfactuals, from noise to tars",
        count,
        lambda: write(draw()),
        plain,
        "one after the other: threads share a layer, a mask for every image",
        2 * texture + mask / RATIO,
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
    """Updates of as many classifiers as there are threads, on batches of bytes; decoding is apart."""
    updates, threads, schedule = 20, torch.get_num_threads(), section("mnist.classifier")
    minibatch = Minibatch(
        torch.randint(0, 256, (schedule.batch, 32, 32, 3), dtype=torch.uint8),
        torch.arange(schedule.batch) % 10,
    )
    algorithms = [ERM(DigitCNN(index), 10**6, schedule) for index in range(threads)]
    references = [PlainCNN() for _ in range(threads)]

    def train(algorithm: ERM) -> None:
        for _ in range(updates):
            algorithm.update([minibatch])

    def train_plainly(model: PlainCNN) -> None:
        optimizer = torch.optim.Adam(model.parameters(), schedule.learning_rate)
        for _ in range(updates):
            loss = functional.cross_entropy(
                model(from_bytes(minibatch.images).contiguous()), minibatch.labels
            )
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            optimizer.step()

    items = updates * schedule.batch * threads
    return Case(
        "classifier training, one a thread",
        items,
        lambda: list(compute_ahead(train, algorithms, threads)),
        lambda: list(compute_ahead(train_plainly, references, threads)),
        "layers as written, channels first",
        flops(lambda: train(algorithms[0])) / (updates * schedule.batch),
    )
