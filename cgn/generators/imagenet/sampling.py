"""Samples counterfactual images of an ImageNet CGN; an image is a function of a seed and its index."""

from collections.abc import Iterator
from functools import partial

import torch
from torch import Tensor

from cgn.counterfactuals import Plan, plan_counterfactuals, sample
from cgn.generators.ahead import in_blocks, samples_of
from cgn.generators.imagenet.mechanisms import ImageNetCGN
from cgn.io.pixels import to_bytes
from cgn.io.shards import Sample
from cgn.networks.biggan import truncated_noise
from cgn.networks.inputs import resized
from cgn.scm import IMAGENET_SCM, CounterfactualParams, StructuralCausalModel

BLOCK = 40  # images computed at once; a full-size CGN needs one GPU for so many


def sample_counterfactuals(
    cgn: ImageNetCGN,
    params: CounterfactualParams,
    truncation: float,  # above 0, up to 1; scales the noise
    seed: int,
    start: int,
    stop: int,
    resolution: int | None = None,  # of the images; None: that of the generators
    scm: StructuralCausalModel = IMAGENET_SCM,
) -> Iterator[Sample]:
    """Yields counterfactual images start to stop - 1 of the unlimited set that the other arguments define.

    With `scm` e.g. IMAGENET_SCM.do(background=7), the backgrounds are of class 7 and all else is the same.
    """

    def block(first: int) -> list[Sample]:
        plan = plan_counterfactuals(scm, params, cgn.sizes.classes, seed, first, first + BLOCK)
        images = _draw(cgn, plan, scm, truncation)
        return samples_of(plan, to_bytes(resized(images, resolution).cpu()))

    return in_blocks(block, BLOCK, start, stop)


@torch.inference_mode()
def _draw(cgn: ImageNetCGN, plan: Plan, scm: StructuralCausalModel, truncation: float) -> Tensor:
    """The images of a plan, (n, 3, r, r) in [-1, 1]."""
    device = next(cgn.parameters()).device
    table, width = partial(truncated_noise, truncation=truncation), cgn.sizes.noise_dimensions
    images: Tensor = sample(
        scm,
        cgn.mechanisms(truncation),
        plan,
        lambda labels: torch.from_numpy(labels).to(device),
        lambda name: plan.noise_of(name, table, "counterfactuals", width).to(device),
    )["composer"]
    return images
