"""Images that stay in their files and are decoded when they are needed, by worker processes.

An image is a file, or a member of a tar. What a minibatch holds is a function of the seed and its step, so
the number of workers changes only the time. Of several ranks, each decodes its own part of a minibatch.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch.utils.data import DataLoader, Dataset

from cgn import ranks
from cgn.data.sources import Images, Minibatch, ShuffledPasses
from cgn.errors import UserError
from cgn.io.images import read_image, resize_and_crop
from cgn.io.shards import SamplePlace
from cgn.seeding import seed_for

TARS_AT_ONCE = 4  # images of so many tars are shuffled together
# The shorter side of a test image, and of a generated one, in shares of the resolution: 256 pixels at 224.
_MARGIN = 256 / 224


def with_margin(resolution: int) -> int:
    """Height and width of a generated image of which `resolution` pixels squared are cropped."""
    return round(resolution * _MARGIN)


@dataclass(frozen=True)
class EncodedImages:
    """Labelled images: the file, the first byte and the number of bytes of each, all as arrays (n,).

    In a training an image is cropped at random to `resolution` pixels squared and, with `mirror`, mirrored
    at random (torchvision's RandomResizedCrop and RandomHorizontalFlip). In a test it is resized and its
    centre is cropped, at 224 pixels of 256. `workers` processes decode. Raises UserError when a file is
    missing, is no image, or ends too early.
    """

    files: NDArray[np.bytes_]
    starts: NDArray[np.int64]
    sizes: NDArray[np.int64]
    labels: NDArray[np.integer]  # (n,), or (n, factors)
    resolution: int
    workers: int
    mirror: bool

    def batches(self, size: int) -> Iterator[Images]:
        """The images as for a test, in order, `size` at a time; each rank gets its own batches."""
        count = len(self.labels)
        starts = ranks.own(range(0, count, size))
        rows = (range(start, min(start + size, count)) for start in starts)
        decoded = _Decoded(self, partial(_for_test, self.resolution))
        for found in _loaded(decoded, ([(0, row) for row in some] for some in rows)):
            yield Images(found.images.numpy(), found.labels.numpy())

    def source(self, batch: int, seed: int, *names: str | int) -> "EncodedSource":
        """The images as for a training: shuffled passes, in minibatches of `batch`."""
        return EncodedSource(self, batch, seed, *names)

    def passes(self, batch: int, seed: int, *names: str | int) -> ShuffledPasses:
        """Passes in random order; of tars, a few at a time, so that a disk reads them nearly in order."""
        if not self.starts.any():  # files
            return ShuffledPasses(len(self.labels), batch, seed, *names)
        return PassesOverTars(np.unique(self.files, return_inverse=True)[1], batch, seed, *names)

    def at(self, places: Sequence[SamplePlace], labels: NDArray[np.integer]) -> "EncodedImages":
        """Other images, prepared in the same way."""
        return replace(
            self,
            files=np.array([place.shard.encode() for place in places]),
            starts=np.array([place.start for place in places], np.int64),
            sizes=np.array([place.size for place in places], np.int64),
            labels=labels,
        )

    def read(self, row: int) -> Image.Image:
        """Decodes one image, RGB, at its own size."""
        file, size = Path(self.files[row].decode()), int(self.sizes[row])
        try:
            with file.open("rb") as stream:
                stream.seek(int(self.starts[row]))
                content = stream.read(size)
        except OSError as error:
            raise UserError(f"{file}: {error.strerror}; restore it, or run imagenet_world again") from None
        if len(content) < size:
            raise UserError(f"{file}: shorter than when it was indexed; restore it, or run its stage again")
        return read_image(BytesIO(content), str(file))


Prepare = Callable[[Image.Image, int, int], NDArray[np.uint8]]  # of an image, the number of a pass, its row
_Place = tuple[int, int]  # the number of a pass, and the row of an image


class PassesOverTars(ShuffledPasses):
    """Passes in which `TARS_AT_ONCE` tars are open; `tars` (n,) is the number of each item's tar."""

    def __init__(self, tars: NDArray[np.int64], batch: int, seed: int, *names: str | int) -> None:
        super().__init__(len(tars), batch, seed, *names)
        self._tars = tars

    def _shuffled(self, random: np.random.Generator) -> NDArray[np.int64]:
        turns = random.permutation(self._tars.max() + 1)[self._tars] // TARS_AT_ONCE
        order = random.permutation(len(turns))
        return order[np.argsort(turns[order], kind="stable")]


class EncodedSource:
    """Shuffled passes over encoded images; workers decode the next minibatches ahead."""

    def __init__(self, images: EncodedImages, batch: int, seed: int, *names: str | int) -> None:
        self._images = images
        self._passes = images.passes(batch, seed, *names)
        self._prepare = _for_training(images.resolution, images.mirror, seed, names)
        self._ahead: Iterator[Minibatch] = iter(())
        self._next: int | None = None

    def minibatches(self, step: int) -> list[Minibatch]:
        """The minibatch of a step. Steps in order are quick; another one starts the workers anew."""
        if step != self._next:
            self._ahead = _loaded(_Decoded(self._images, self._prepare), self._places(step))
        self._next = step + 1
        return [next(self._ahead)]

    def _places(self, step: int) -> Iterator[list[_Place]]:
        while True:
            yield ranks.own([(number, int(row)) for number, rows in self._passes.rows(step) for row in rows])
            step += 1


class _Decoded(Dataset[tuple[NDArray[np.uint8], Any] | UserError]):
    """The prepared image and label at a place. An error is an item, because DataLoader would wrap it."""

    def __init__(self, images: EncodedImages, prepare: Prepare) -> None:
        self._images, self._prepare = images, prepare

    def __getitem__(self, place: _Place) -> tuple[NDArray[np.uint8], Any] | UserError:
        try:
            prepared = self._prepare(self._images.read(place[1]), *place)
        except UserError as error:
            return UserError(str(error))
        return prepared, self._images.labels[place[1]]


def _loaded(decoded: _Decoded, batches: Iterable[Iterable[_Place]]) -> Iterator[Minibatch]:
    loader: DataLoader[Any] = DataLoader(
        decoded,
        batch_sampler=batches,  # type: ignore[arg-type]
        num_workers=decoded._images.workers,
        collate_fn=_joined,
    )
    for found in loader:
        if isinstance(found, UserError):
            raise found
        yield found


def _joined(items: list[Any]) -> Minibatch | UserError:
    for item in items:
        if isinstance(item, UserError):
            return item
    images, labels = zip(*items, strict=True)
    return Minibatch(torch.from_numpy(np.stack(images)), torch.from_numpy(np.array(labels).astype(np.int64)))


def _for_test(resolution: int, image: Image.Image, number: int, row: int) -> NDArray[np.uint8]:
    return resize_and_crop(image, resolution)


def _for_training(resolution: int, mirror: bool, seed: int, names: tuple[str | int, ...]) -> Prepare:
    from torchvision.transforms import v2  # late: takes 2 s

    changes = v2.Compose(
        [v2.RandomResizedCrop(resolution, antialias=True), v2.RandomHorizontalFlip(0.5 if mirror else 0.0)]
    )

    def prepare(image: Image.Image, number: int, row: int) -> NDArray[np.uint8]:
        with torch.random.fork_rng(devices=[]):
            # Not torch.manual_seed, which also keeps a traceback of each call for a GPU that is never used.
            torch.default_generator.manual_seed(seed_for(seed, *names, "crop", number, row))
            return np.asarray(changes(image))

    return prepare
