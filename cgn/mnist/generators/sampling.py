"""Images from trained generators, computed in fixed blocks of the index.

A block is always computed whole, so that image i has the same bytes whichever part of the set is
asked for, and however the set is cut into shards.
"""

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cgn.common.pixels import to_bytes
from cgn.common.seeding import indexed_integers, indexed_normals, indexed_uniforms
from cgn.common.shards import Sample
from cgn.counterfactuals import plan_counterfactuals
from cgn.mnist.generators.gan import GAN
from cgn.mnist.generators.mechanisms import ARRANGEMENT_DIMENSIONS, CGN, CLASSES
from cgn.params.shared import CounterfactualParams
from cgn.scm import MNIST_SCM, compose

BLOCK = 500  # images computed at once


def sample_counterfactuals(
    cgn: CGN, params: CounterfactualParams, seed: int, start: int, stop: int
) -> Iterator[Sample]:
    """Counterfactual images `start..stop` of the endless set that `cgn`, `params` and `seed` define."""
    for first in range(start // BLOCK * BLOCK, stop, BLOCK):
        plan = plan_counterfactuals(MNIST_SCM, params, CLASSES, seed, first, first + BLOCK)
        labels = {name: torch.from_numpy(ids) for name, ids in plan.labels.items()}
        noise = {
            name: _noise(seed, name, ids, cgn.noise_dimensions, params) for name, ids in plan.noise.items()
        }
        arrangement = [
            torch.from_numpy(
                indexed_uniforms(seed, f"arrangement/{name}", first, first + BLOCK, ARRANGEMENT_DIMENSIONS)
            )
            for name in ("foreground", "background")
        ]
        with torch.inference_mode():
            mask = cgn.masks(labels["shape"], noise["shape"])
            foreground = cgn.foreground(noise["foreground"], labels["foreground"], arrangement[0])
            background = cgn.background(noise["background"], labels["background"], arrangement[1])
            images = to_bytes(compose(mask, foreground, background))
        for index in range(max(first, start), min(first + BLOCK, stop)):
            row = index - first
            yield Sample(images[row], plan.metadata(row, index, seed))


def _noise(
    seed: int, mechanism: str, ids: NDArray[np.int64], dimensions: int, params: CounterfactualParams
) -> Tensor:
    """Noise vectors (n, dimensions) of the ids; with `noise: shared` one table serves all mechanisms."""
    table = "noise" if params.noise == "shared" else f"noise/{mechanism}"
    low = int(ids[0])
    rows = indexed_normals(seed, table, low, int(ids[-1]) + 1, dimensions)
    return torch.from_numpy(rows[ids - low])


def sample_gan(gan: GAN, seed: int, start: int, stop: int) -> Iterator[Sample]:
    """GAN images `start..stop`: each has new noise and a uniform class, which names all its factors."""
    for first in range(start // BLOCK * BLOCK, stop, BLOCK):
        labels = indexed_integers(seed, "label/gan", first, first + BLOCK, CLASSES)
        noise = indexed_normals(seed, "noise/gan", first, first + BLOCK, gan.config.noise_dimensions)
        with torch.inference_mode():
            images = to_bytes(gan(torch.from_numpy(noise), torch.from_numpy(labels)))
        for index in range(max(first, start), min(first + BLOCK, stop)):
            label = int(labels[index - first])
            metadata = {
                "index": index,
                "seed": seed,
                "labels": dict.fromkeys(MNIST_SCM.mechanisms, label),
                "noise": dict.fromkeys(MNIST_SCM.mechanisms, index),
            }
            yield Sample(images[index - first], metadata)
