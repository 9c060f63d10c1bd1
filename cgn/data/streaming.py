"""Training images read from shards during training, with only a few shards in memory."""

from functools import lru_cache
from pathlib import Path
from threading import Lock

import numpy as np
import torch
from numpy.typing import NDArray

from cgn.data.sources import FixedImages, Images, Minibatch, Mixture, Source, concatenate
from cgn.errors import UserError
from cgn.io.shards import count_samples, read_images, shard_paths
from cgn.seeding import generator

_decoding = Lock()  # trainings in parallel threads decode a shard once


Decoded = tuple[NDArray[np.uint8], dict[str, NDArray[np.int64]]]
_KEPT_BELOW = 64e6  # bytes of a tar; 10,000 MNIST images take 35e6


def _decoded(shard: Path) -> Decoded:
    """Decodes a shard. A small one is kept in memory for all passes and all methods of a stage."""
    return _kept(shard) if shard.stat().st_size < _KEPT_BELOW else read_images([shard])


@lru_cache(maxsize=32)  # 1 GB
def _kept(shard: Path) -> Decoded:
    return read_images([shard])


class StreamedShards:
    """The images of the shards in `folder`; every pass shuffles the shards, and the images within each.

    Labels are those of one `mechanism`, (n,), or of a tuple of mechanisms, (n, mechanisms). Images are not
    shuffled across shards, because all shards have the same distribution. Raises UserError when the folder
    holds no shards or a shard is damaged.
    """

    def __init__(
        self, folder: Path, mechanism: str | tuple[str, ...], batch: int, seed: int, *names: str | int
    ) -> None:
        self._shards = [Path(shard) for shard in shard_paths(folder)]
        self._counts = np.array([count_samples(shard) for shard in self._shards])
        self._mechanism, self._batch, self._seed, self._names = mechanism, batch, seed, names
        self._held: tuple[tuple[int, int], Images] | None = None

    def minibatches(self, step: int) -> list[Minibatch]:
        """The minibatch of a step."""
        parts = []
        position, stop = step * self._batch, (step + 1) * self._batch
        while position < stop:
            number, offset = divmod(position, int(self._counts.sum()))
            order = generator(self._seed, *self._names, "shards", number).permutation(len(self._shards))
            ends = self._counts[order].cumsum()
            place = int(ends.searchsorted(offset, side="right"))
            left = int(ends[place]) - offset
            images, labels = self._shuffled(number, int(order[place]))
            rows = slice(len(labels) - left, min(len(labels) - left + stop - position, len(labels)))
            parts.append(
                Minibatch(torch.from_numpy(images[rows]), torch.from_numpy(labels[rows].astype(np.int64)))
            )
            position += len(parts[-1].labels)
        return [concatenate(parts)]

    def _shuffled(self, number: int, shard: int) -> Images:
        """The images of one shard, in the order of pass `number`."""
        if self._held is None or self._held[0] != (number, shard):
            with _decoding:
                images, labels = _decoded(self._shards[shard])
            if len(images) != self._counts[shard]:
                raise UserError(
                    f"{self._shards[shard]}: {len(images)} samples of one .png and one .json where"
                    f" {self._counts[shard]} were expected; delete its folder and run dvc repro"
                )
            order = generator(self._seed, *self._names, "order", number, shard).permutation(len(images))
            self._held = (number, shard), Images(images[order], self._asked_for(labels)[order])
        return self._held[1]

    def _asked_for(self, labels: dict[str, NDArray[np.int64]]) -> NDArray[np.int64]:
        if isinstance(self._mechanism, str):
            return labels[self._mechanism]
        return np.stack([labels[name] for name in self._mechanism], axis=1)


def real_and_generated(
    real: Images,
    shards: Path,  # of generated images; their label is the shape's
    real_share: float,  # the share of real images in every batch
    batch: int,
    seed: int,
    *names: str | int,
) -> Source:
    """Batches that mix biased real images and generated ones.

    `real_share` is rounded to whole images; 0 gives generated images only, 1 real images only. Raises
    UserError when the rounding leaves no image of a kind whose share is not 0.
    """
    real_batch = round(real_share * batch)
    if 0 < real_share < 1 and real_batch in (0, batch):
        method, left_out = names[-1], "real" if real_batch == 0 else "generated"
        raise UserError(
            f"methods.{method}.real_share: {real_share:g} leaves no {left_out} image in a batch of {batch};"
            " take 0 or 1 if that is meant, or a larger batch"
        )
    parts: list[Source] = []
    if real_batch:
        parts.append(FixedImages(real, real_batch, seed, *names, "real"))
    if real_batch < batch:
        parts.append(StreamedShards(shards, "shape", batch - real_batch, seed, *names, "generated"))
    return Mixture(parts)
