"""Shards in a DataLoader: any number of workers on any number of nodes, by `webdataset`.

A node is a process of torch.distributed, or what the variables RANK and WORLD_SIZE say (torchrun sets them).
"""

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader

from cgn.data.sources import Minibatch
from cgn.errors import UserError
from cgn.io.places import Place
from cgn.io.shards import Sample, iterate, shard_paths
from cgn.seeding import seed_for

Labels = str | tuple[str, ...]


class ShardLoader:
    """Minibatches of `batch` images from the shards in `folder`, read in order and shuffled in a buffer.

    One iteration is an epoch: every image of the shards once over all nodes and workers, in an order that
    `set_epoch` changes. With `resampled`, it is so many images of each worker from shards drawn with
    replacement, so that all nodes take the same number of steps. Labels are as in `StreamedShards`. Raises
    UserError when a node has fewer shards than `workers`, or when a shard is damaged.
    """

    def __init__(
        self,
        folder: Place,
        mechanism: Labels,
        batch: int,
        workers: int,
        seed: int,
        resampled: int | None = None,
        buffer: int = 1000,  # images; 1 keeps their order
    ) -> None:
        from webdataset.utils import pytorch_worker_info

        self._nodes = pytorch_worker_info()[1]
        self._shards = [str(shard) for shard in shard_paths(folder, max(workers, 1), self._nodes)]
        self._mechanism, self._batch, self._workers = mechanism, batch, workers
        self._seed, self._resampled, self._buffer = seed, resampled, buffer
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Selects the order of the next iteration."""
        self._epoch = epoch

    def __iter__(self) -> Iterator[Minibatch]:
        loader: DataLoader[Any] = DataLoader(self._pipeline(), batch_size=None, num_workers=self._workers)
        for found in loader:
            if isinstance(found, UserError):
                raise found
            yield found

    def _pipeline(self) -> Any:
        import webdataset as wds

        seed = seed_for(self._seed, "shards", self._epoch)
        stages: list[Any] = [
            wds.SimpleShardList(self._shards, seed=seed),
            wds.split_by_node,
            wds.split_by_worker,
        ]
        if self._resampled is not None:
            stages = [wds.ResampledShards(self._shards, seed=seed, deterministic=True)]
        stages += [_read, wds.shuffle(self._buffer, initial=self._buffer, seed=seed)]
        if self._resampled is not None:
            stages.append(partial(_first, count=self._resampled))
        return wds.DataPipeline(*stages, partial(_batches, size=self._batch, mechanism=self._mechanism))


Item = Sample | UserError


def _read(shards: Iterable[dict[str, str]]) -> Iterator[Item]:
    """Samples of the shards. An error is an item, because DataLoader would wrap it in many lines."""
    try:
        for shard in shards:
            yield from iterate([shard["url"]])
    except UserError as error:
        yield UserError(str(error))


def _first(items: Iterable[Item], count: int) -> Iterator[Item]:
    for _, item in zip(range(count), items, strict=False):
        yield item


def _batches(items: Iterable[Item], size: int, mechanism: Labels) -> Iterator[Minibatch | UserError]:
    """Joins each `size` samples; the last of a worker may be fewer."""
    samples: list[Sample] = []
    for item in items:
        if isinstance(item, UserError):
            yield item
            return
        samples.append(item)
        if len(samples) == size:
            yield _minibatch(samples, mechanism)
            samples = []
    if samples:
        yield _minibatch(samples, mechanism)


def _minibatch(samples: list[Sample], mechanism: Labels) -> Minibatch:
    labels = [
        sample.metadata["labels"][mechanism]
        if isinstance(mechanism, str)
        else [sample.metadata["labels"][name] for name in mechanism]
        for sample in samples
    ]
    return Minibatch(torch.from_numpy(np.stack([sample.image for sample in samples])), torch.tensor(labels))
