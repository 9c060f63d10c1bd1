"""Counterfactual images of the ImageNet world, computed in fixed blocks of the index, as those of MNIST."""

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cgn.counterfactuals import Plan, plan_counterfactuals
from cgn.generators.imagenet.mechanisms import ImageNetCGN
from cgn.io.pixels import to_bytes
from cgn.io.shards import Sample
from cgn.networks.biggan import generate, truncated_noise
from cgn.networks.inputs import resized
from cgn.scm import IMAGENET_SCM, CounterfactualParams, compose

BLOCK = 40  # images computed at once: what a full-size CGN does beside its weights on one GPU


def sample_counterfactuals(
    cgn: ImageNetCGN,
    params: CounterfactualParams,
    truncation: float,  # above 0, up to 1; scales the noise
    seed: int,
    start: int,
    stop: int,
    resolution: int | None = None,  # of the images; None: the generators'
) -> Iterator[Sample]:
    """Counterfactual images `start..stop` of the endless set that the other arguments define.

    A block is always computed whole, so that image i has
    the same bytes whichever part of the set is asked for, and however the set is cut into shards.
    """
    for first in range(start // BLOCK * BLOCK, stop, BLOCK):
        plan = plan_counterfactuals(IMAGENET_SCM, params, cgn.sizes.classes, seed, first, first + BLOCK)
        images = to_bytes(resized(_draw(cgn, plan, params, truncation, seed), resolution).cpu())
        for index in range(max(first, start), min(first + BLOCK, stop)):
            row = index - first
            yield Sample(images[row], plan.metadata(row, index, seed))


@torch.inference_mode()
def _draw(cgn: ImageNetCGN, plan: Plan, params: CounterfactualParams, truncation: float, seed: int) -> Tensor:
    """The images of a plan, (n, 3, r, r) in [-1, 1]. Pre-mask and mask are computed once for a group."""
    device = next(cgn.parameters()).device

    def output(mechanism: str, rows: NDArray[np.int64]) -> Tensor:
        ids, labels = plan.noise[mechanism][rows], plan.labels[mechanism][rows]
        # With `noise: shared` one table serves all mechanisms.
        table = "counterfactuals" if params.noise == "shared" else f"counterfactuals/{mechanism}"
        low, high = int(ids.min()), int(ids.max())
        noise = truncated_noise(seed, table, low, high + 1, cgn.sizes.noise_dimensions, truncation)[ids - low]
        generator = cgn.generators[mechanism]
        return generate(generator, noise.to(device), torch.from_numpy(labels).to(device), truncation)

    _, leaders, group = np.unique(plan.noise["shape"], return_index=True, return_inverse=True)
    masks = cgn.saliency(output("shape", leaders))[torch.from_numpy(group).to(device)]
    every = np.arange(len(group))
    images: Tensor = compose(masks, output("foreground", every), output("background", every))
    return images
