"""Images from trained generators, computed in fixed blocks of the index.

A block is always computed whole and by one thread, so that image i has the same bytes whichever part of the
set is asked for, however the set is cut into shards, and however many blocks are computed at once.
"""

from collections.abc import Callable, Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cgn.counterfactuals import Plan, plan_counterfactuals
from cgn.generators.ahead import compute_ahead
from cgn.generators.mnist.gan import GAN
from cgn.generators.mnist.mechanisms import ARRANGEMENT_DIMENSIONS, CGN, CLASSES
from cgn.io.pixels import to_bytes
from cgn.io.shards import Sample
from cgn.scm import MNIST_SCM, CounterfactualParams, compose
from cgn.seeding import indexed_integers, indexed_normals, indexed_uniforms

BLOCK = 250  # images computed at once: what lies between two layers fits into a processor's cache


def sample_counterfactuals(
    cgn: CGN, params: CounterfactualParams, seed: int, start: int, stop: int
) -> Iterator[Sample]:
    """Counterfactual images `start..stop` of the endless set that `cgn`, `params` and `seed` define."""

    def block(first: int) -> list[Sample]:
        plan = plan_counterfactuals(MNIST_SCM, params, CLASSES, seed, first, first + BLOCK)
        masks = draw_masks(cgn, plan, params, seed)
        return samples_of(compose_images(cgn, masks, plan, params, seed, first), plan, seed, first)

    return in_blocks(block, start, stop)


def draw_masks(cgn: CGN, plan: Plan, params: CounterfactualParams, seed: int) -> Tensor:
    """Masks (n, 1, 32, 32) in [0, 1] of a plan's shapes; images that share noise and label share one."""
    _, rows, shape_of = np.unique(plan.noise["shape"], return_index=True, return_inverse=True)
    noise = _noise(seed, "shape", plan.noise["shape"], cgn.noise_dimensions, params)
    with torch.inference_mode():
        return cgn.masks(torch.from_numpy(plan.labels["shape"][rows]), noise[rows])[shape_of]


def compose_images(
    cgn: CGN, masks: Tensor, plan: Plan, params: CounterfactualParams, seed: int, first: int
) -> NDArray[np.uint8]:
    """Images uint8 (n, 32, 32, 3) of a plan, `first` on: its textures under `masks` (n, 1, 32, 32)."""
    textures = []
    for name, mechanism in (("foreground", cgn.foreground), ("background", cgn.background)):
        stop = first + len(masks)
        arrangement = indexed_uniforms(seed, f"arrangement/{name}", first, stop, ARRANGEMENT_DIMENSIONS)
        noise = _noise(seed, name, plan.noise[name], cgn.noise_dimensions, params)
        with torch.inference_mode():
            labels = torch.from_numpy(plan.labels[name])
            textures.append(mechanism(noise, labels, torch.from_numpy(arrangement)))
    return to_bytes(compose(masks, *textures))


def samples_of(images: NDArray[np.uint8], plan: Plan, seed: int, first: int) -> list[Sample]:
    """`images` of a plan, `first` on, with their metadata."""
    return [Sample(image, plan.metadata(row, first + row, seed)) for row, image in enumerate(images)]


def in_blocks(block: Callable[[int], list[Sample]], start: int, stop: int) -> Iterator[Sample]:
    """Samples `start..stop` of the blocks that `block` computes from their first index."""
    firsts = range(start // BLOCK * BLOCK, stop, BLOCK)
    blocks = compute_ahead(block, firsts, threads=torch.get_num_threads())
    for first, samples in zip(firsts, blocks, strict=True):
        yield from samples[max(start - first, 0) : stop - first]


def _noise(
    seed: int, mechanism: str, ids: NDArray[np.int64], dimensions: int, params: CounterfactualParams
) -> Tensor:
    """Noise vectors (n, dimensions) of the ids; with `noise: shared` one table serves all mechanisms."""
    table = "noise" if params.noise == "shared" else f"noise/{mechanism}"
    low, high = int(ids.min()), int(ids.max())
    rows = indexed_normals(seed, table, low, high + 1, dimensions)
    return torch.from_numpy(rows[ids - low])


def sample_gan(gan: GAN, seed: int, start: int, stop: int) -> Iterator[Sample]:
    """GAN images `start..stop`: each has new noise and a uniform class, which names all its factors."""

    def block(first: int) -> list[Sample]:
        labels = indexed_integers(seed, "label/gan", first, first + BLOCK, CLASSES)
        noise = indexed_normals(seed, "noise/gan", first, first + BLOCK, gan.config.noise_dimensions)
        with torch.inference_mode():
            images = to_bytes(gan(torch.from_numpy(noise), torch.from_numpy(labels)))
        samples = []
        for index, (label, image) in enumerate(zip(labels.tolist(), images, strict=True), start=first):
            metadata = {
                "index": index,
                "seed": seed,
                "labels": dict.fromkeys(MNIST_SCM.mechanisms, label),
                "noise": dict.fromkeys(MNIST_SCM.mechanisms, index),
            }
            samples.append(Sample(image, metadata))
        return samples

    return in_blocks(block, start, stop)
