"""Sources of minibatches. A minibatch is a function of the seed and its step only.

Sources therefore have no state that a checkpoint would need.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cgn import ranks
from cgn.seeding import generator


class Minibatch(NamedTuple):
    """Images uint8 (n, height, width, channels) and labels int64 of one environment.

    Labels are (n,), or (n, factors) if each factor of variation has a label.
    """

    images: Tensor
    labels: Tensor

    def to(self, device: torch.device) -> "Minibatch":
        """The minibatch on `device`."""
        return Minibatch(self.images.to(device), self.labels.to(device))


def concatenate(minibatches: Sequence[Minibatch]) -> Minibatch:
    """Joins the minibatches of all environments, in order."""
    if len(minibatches) == 1:
        return minibatches[0]
    return Minibatch(
        torch.cat([batch.images for batch in minibatches]), torch.cat([batch.labels for batch in minibatches])
    )


class Images(NamedTuple):
    """Labelled images: uint8 (n, height, width, channels) and integers (n,), or (n, factors)."""

    images: NDArray[np.uint8]
    labels: NDArray[np.integer]

    def batches(self, size: int) -> "Iterator[Images]":
        """The images in order, `size` at a time; each rank gets its own batches."""
        for start in ranks.own(range(0, len(self.labels), size)):
            yield Images(self.images[start : start + size], self.labels[start : start + size])

    def source(self, batch: int, seed: int, *names: str | int) -> "Source":
        """Shuffled passes over the images, in minibatches of `batch`."""
        return FixedImages(self, batch, seed, *names)


class Split(Protocol):
    """Labelled images, in memory (`Images`) or not (`cgn.data.encoded`)."""

    @property
    def labels(self) -> NDArray[np.integer]:
        """The labels (n,)."""
        ...

    def batches(self, size: int) -> Iterator[Images]:
        """The images as for a test, in order, `size` at a time; each rank gets its own batches."""
        ...

    def source(self, batch: int, seed: int, *names: str | int) -> "Source":
        """The images as for a training: shuffled passes, in minibatches of `batch`."""
        ...


class Source(Protocol):
    """Training data of one or more environments."""

    def minibatches(self, step: int) -> list[Minibatch]:
        """One minibatch of each environment for step 0, 1, ..."""
        ...


class ShuffledPasses:
    """Passes over `count` items without end, each in a new random order; a batch may span two passes."""

    def __init__(self, count: int, batch: int, seed: int, *names: str | int) -> None:
        self._count, self._batch, self._seed, self._names = count, batch, seed, names
        self._order: tuple[int, NDArray[np.int64]] | None = None

    def rows(self, step: int) -> Iterator[tuple[int, NDArray[np.int64]]]:
        """Yields the parts of batch `step`: the number of a pass and the items taken from it."""
        position, stop = step * self._batch, (step + 1) * self._batch
        while position < stop:
            number, offset = divmod(position, self._count)
            length = min(stop - position, self._count - offset)
            yield number, self._order_of(number)[offset : offset + length]
            position += length

    def _order_of(self, number: int) -> NDArray[np.int64]:
        if self._order is None or self._order[0] != number:
            self._order = number, self._shuffled(generator(self._seed, *self._names, "order", number))
        return self._order[1]

    def _shuffled(self, random: np.random.Generator) -> NDArray[np.int64]:
        return random.permutation(self._count)


class FixedImages:
    """One environment whose images are the same in every pass, e.g. the biased training set."""

    def __init__(self, images: Images, batch: int, seed: int, *names: str | int) -> None:
        self._images = images
        self._passes = ShuffledPasses(len(images.labels), batch, seed, *names)

    def minibatches(self, step: int) -> list[Minibatch]:
        """The minibatch of a step."""
        return [_take(self._images, np.concatenate([rows for _, rows in self._passes.rows(step)]))]


class FreshImages:
    """One environment with new images in every pass: `draw(pass)` returns the `count` images of a pass."""

    def __init__(
        self, draw: Callable[[int], Images], count: int, batch: int, seed: int, *names: str | int
    ) -> None:
        self._draw = draw
        self._passes = ShuffledPasses(count, batch, seed, *names)
        self._drawn: tuple[int, Images] | None = None

    def minibatches(self, step: int) -> list[Minibatch]:
        """The minibatch of a step."""
        parts = [_take(self._images_of(number), rows) for number, rows in self._passes.rows(step)]
        return [concatenate(parts)]

    def _images_of(self, number: int) -> Images:
        if self._drawn is None or self._drawn[0] != number:
            self._drawn = number, self._draw(number)
        return self._drawn[1]


class SideBySide:
    """Several sources as environments, e.g. real images and counterfactuals, whose labels differ in kind."""

    def __init__(self, parts: Sequence[Source]) -> None:
        self._parts = parts

    def minibatches(self, step: int) -> list[Minibatch]:
        """The first minibatch of each source."""
        return [part.minibatches(step)[0] for part in self._parts]


class Environments(SideBySide):
    """Environments of fixed images, each with minibatches of `batch` images."""

    def __init__(self, environments: Sequence[Images], batch: int, seed: int, *names: str | int) -> None:
        super().__init__(
            [
                FixedImages(images, batch, seed, *names, "environment", index)
                for index, images in enumerate(environments)
            ]
        )


class Mixture(SideBySide):
    """One environment that mixes several sources, e.g. real and generated images."""

    def minibatches(self, step: int) -> list[Minibatch]:
        """The minibatches of all sources, joined to one."""
        return [concatenate(super().minibatches(step))]


def _take(images: Images, rows: NDArray[np.int64]) -> Minibatch:
    labels = images.labels[rows].astype(np.int64)
    return Minibatch(torch.from_numpy(images.images[rows]), torch.from_numpy(labels))


@dataclass(frozen=True)
class OwnPart:
    """The images of each minibatch of `source` that are this rank's."""

    source: Source

    def minibatches(self, step: int) -> list[Minibatch]:
        """This rank's part of a step's minibatches."""
        return [Minibatch(*map(ranks.own, batch)) for batch in self.source.minibatches(step)]


_PROBABILITY = 0.5


@dataclass(frozen=True)
class Mirrored:
    """The minibatches of `source`, with each image mirrored left to right with probability 1/2."""

    source: Source
    seed: int
    name: str

    def minibatches(self, step: int) -> list[Minibatch]:
        """The mirrored minibatches of a step."""
        minibatches = self.source.minibatches(step)
        random = generator(self.seed, "mirroring", self.name, step)
        return [_mirrored(batch, random.random(len(batch.labels)) < _PROBABILITY) for batch in minibatches]


def _mirrored(batch: Minibatch, chosen: NDArray[np.bool_]) -> Minibatch:
    images = torch.where(torch.from_numpy(chosen)[:, None, None, None], batch.images.flip(2), batch.images)
    return Minibatch(images, batch.labels)
