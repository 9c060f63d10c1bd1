"""Random mirroring of training images, left to right: the augmentation that ImageNet classifiers all have."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from cgn.data.sources import Minibatch, Source
from cgn.seeding import generator

_PROBABILITY = 0.5


@dataclass(frozen=True)
class Mirrored:
    """The minibatches of `source`, each image mirrored with probability 1/2."""

    source: Source
    seed: int
    name: str

    def minibatches(self, step: int) -> list[Minibatch]:
        minibatches = self.source.minibatches(step)
        random = generator(self.seed, "mirroring", self.name, step)
        return [_mirrored(batch, random.random(len(batch.labels)) < _PROBABILITY) for batch in minibatches]


def _mirrored(batch: Minibatch, chosen: NDArray[np.bool_]) -> Minibatch:
    images = torch.where(torch.from_numpy(chosen)[:, None, None, None], batch.images.flip(2), batch.images)
    return Minibatch(images, batch.labels)
