"""Counterfactuals of real images whose backgrounds were read off real images, too.

A background is seen in an image wherever its object is not. b = (1 - m) * x + m * b', with the mask m that
abduction read off the image x and a background b' of the same class that the CGN drew: nothing is drawn that
an image shows.
"""

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cgn.common.ahead import compute_ahead
from cgn.common.pixels import from_bytes, to_bytes
from cgn.common.seeding import indexed_uniforms
from cgn.common.shards import Sample
from cgn.counterfactuals import Plan, plan_given_shapes
from cgn.mnist.generators.mechanisms import CGN, CLASSES
from cgn.mnist.generators.sampling import BLOCK, compose_images
from cgn.params.shared import CounterfactualParams
from cgn.scm import MNIST_SCM, compose


def sample_with_observed_backgrounds(
    cgn: CGN,
    images: NDArray[np.uint8],
    masks: NDArray[np.uint8],
    labels: NDArray[np.integer],
    params: CounterfactualParams,
    seed: int,
    start: int,
    stop: int,
) -> Iterator[Sample]:
    """Images `start..stop`: image i has mask i % n, a foreground of `cgn` and a real image's background.

    `images` uint8 (n, 32, 32, 3) of classes `labels` (n,), and their `masks` uint8 (n, 32, 32), 255 on the
    object. The real image that gives the background is drawn among those of the background's class; its
    number is "background_image" of the metadata. All else is as in `sample_given_shapes`.
    """

    def block(first: int) -> list[Sample]:
        plan = plan_given_shapes(MNIST_SCM, params, CLASSES, labels, seed, first, first + BLOCK)
        seen = _of_class(labels, plan.labels["background"], seed, first)
        composed = _over_observed(cgn, plan, masks, images, seen, params, seed, first)
        return [
            Sample(image, plan.metadata(row, first + row, seed) | {"background_image": int(seen[row])})
            for row, image in enumerate(composed)
        ]

    firsts = range(start // BLOCK * BLOCK, stop, BLOCK)
    blocks = compute_ahead(block, firsts, threads=torch.get_num_threads())
    for first, samples in zip(firsts, blocks, strict=True):
        yield from samples[max(start - first, 0) : stop - first]


def _over_observed(
    cgn: CGN,
    plan: Plan,
    masks: NDArray[np.uint8],
    images: NDArray[np.uint8],
    seen: NDArray[np.int64],
    params: CounterfactualParams,
    seed: int,
    first: int,
) -> NDArray[np.uint8]:
    """m * f + (1 - m) * b, uint8 (n, 32, 32, 3): `cgn` composes where object or gap is, x lies around it."""
    mask, gap = (_fractions(masks[rows]) for rows in (plan.noise["shape"], seen))
    generated = mask + (1 - mask) * gap
    within = compose_images(cgn, mask / generated.clamp(min=1e-6), plan, params, seed, first)
    parts = (from_bytes(torch.from_numpy(part)) for part in (within, images[seen]))
    return to_bytes(compose(generated, *parts))


def _of_class(
    labels: NDArray[np.integer], wanted: NDArray[np.int64], seed: int, first: int
) -> NDArray[np.int64]:
    """For each class of `wanted`, the number of a real image of it, uniform among those."""
    order = np.argsort(labels, kind="stable")
    starts, stops = (np.searchsorted(labels[order], wanted, side) for side in ("left", "right"))
    share = indexed_uniforms(seed, "background/image", first, first + len(wanted), 1)[:, 0]
    numbers: NDArray[np.int64] = order[(starts + share * (stops - starts)).astype(np.int64)]
    return numbers


def _fractions(masks: NDArray[np.uint8]) -> Tensor:
    return torch.from_numpy(masks[:, None]).float() / 255
