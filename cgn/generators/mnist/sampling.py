"""Samples images of trained generators; an image is a function of a seed and its index."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from cgn.counterfactuals import Plan, plan_counterfactuals, sample
from cgn.generators.ahead import in_blocks, samples_of
from cgn.generators.mnist.gan import GAN
from cgn.generators.mnist.mechanisms import ARRANGEMENT_DIMENSIONS, CLASSES, TEXTURES, DigitCGN
from cgn.io.pixels import to_bytes
from cgn.io.shards import Sample
from cgn.scm import MNIST_SCM, CounterfactualParams, StructuralCausalModel
from cgn.seeding import indexed_integers, indexed_normals, indexed_uniforms

BLOCK = 250  # images computed at once; the maps between two layers fit into a processor's cache


def sample_counterfactuals(
    cgn: DigitCGN,
    params: CounterfactualParams,
    seed: int,
    start: int,
    stop: int,
    scm: StructuralCausalModel = MNIST_SCM,
) -> Iterator[Sample]:
    """Yields counterfactual images start to stop - 1 of the unlimited set that the other arguments define.

    With `scm` e.g. MNIST_SCM.do(background=7), the backgrounds are of class 7 and all else is the same.
    """

    def block(first: int) -> list[Sample]:
        plan = plan_counterfactuals(scm, params, CLASSES, seed, first, first + BLOCK)
        return samples_of(plan, to_bytes(draw(cgn, plan, scm)["composer"]))

    return in_blocks(block, BLOCK, start, stop, torch.get_num_threads())


@torch.inference_mode()
def draw(
    cgn: DigitCGN,
    plan: Plan,
    scm: StructuralCausalModel = MNIST_SCM,
    given: Mapping[str, Tensor] | None = None,
) -> dict[str, Tensor]:
    """Draws the images of a plan: the outputs of the nodes of `scm` by name. Outputs in `given` are kept.


    Masks are (n, 1, 32, 32) in [0, 1], textures and composites (n, 3, 32, 32), about in [-1, 1].
    """

    def noise_of(name: str) -> Tensor | tuple[Tensor, Tensor]:
        vectors = torch.from_numpy(plan.noise_of(name, indexed_normals, "noise", cgn.noise_dimensions))
        if name not in TEXTURES:
            return vectors
        places = int(plan.indices[0]), int(plan.indices[-1]) + 1
        uniforms = indexed_uniforms(plan.seed, f"arrangement/{name}", *places, ARRANGEMENT_DIMENSIONS)
        return vectors, torch.from_numpy(uniforms)

    return sample(scm, cgn.mechanisms, plan, torch.from_numpy, noise_of, given)


def draw_masks(cgn: DigitCGN, plan: Plan) -> Tensor:
    """Draws the masks (n, 1, 32, 32) in [0, 1] of a plan only."""
    return draw(cgn, plan, replace(MNIST_SCM, nodes=MNIST_SCM.nodes[:1]))["shape"]


def sample_gan(gan: GAN, seed: int, start: int, stop: int) -> Iterator[Sample]:
    """Yields GAN images start to stop - 1, each with new noise and a uniform class, the label of all cues."""

    def block(first: int) -> list[Sample]:
        labels = indexed_integers(seed, "label/gan", first, first + BLOCK, CLASSES)
        noise = indexed_normals(seed, "noise/gan", first, first + BLOCK, gan.config.noise_dimensions)
        with torch.inference_mode():
            images = to_bytes(gan(torch.from_numpy(noise), torch.from_numpy(labels)))
        indices, names = np.arange(first, first + BLOCK), MNIST_SCM.mechanisms
        plan = Plan(seed, indices, dict.fromkeys(names, labels), dict.fromkeys(names, indices))
        return samples_of(plan, images)

    return in_blocks(block, BLOCK, start, stop, torch.get_num_threads())
