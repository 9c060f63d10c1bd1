"""Images of given shapes: action and prediction of counterfactuals of real images (`segmenting`).

Their backgrounds are the CGN's, or those of real images. A background is seen in an image x wherever its
object is not: b = (1 - m) * x + m * b', with the mask m of x and a background b' of the same class that the
CGN drew. Nothing is drawn that an image shows.
"""

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cgn.counterfactuals import plan_given_shapes
from cgn.errors import UserError
from cgn.generators.mnist.mechanisms import CGN, CLASSES
from cgn.generators.mnist.sampling import BLOCK, compose_images, in_blocks, samples_of
from cgn.io.pixels import from_bytes, to_bytes
from cgn.io.shards import Sample
from cgn.scm import MNIST_SCM, CounterfactualParams, compose
from cgn.seeding import indexed_uniforms


def sample_given_shapes(
    cgn: CGN,
    masks: NDArray[np.uint8],
    labels: NDArray[np.integer],
    backgrounds: NDArray[np.uint8] | None,
    params: CounterfactualParams,
    seed: int,
    start: int,
    stop: int,
) -> Iterator[Sample]:
    """Images `start..stop` of given shapes: image i has mask i % n, in textures of `cgn`.

    `masks` uint8 (n, 32, 32), 255 on the object, with the classes `labels` (n,) of their shapes.
    `backgrounds`: the images uint8 (n, 32, 32, 3) that the masks belong to, which then give the backgrounds,
    or None. Which of them gives its own is drawn among those of the background's class (without intervention
    on the background it is the shape's image); its number is the metadata's "background_image".
    Raises UserError when a class has no image to give one.
    """
    if backgrounds is not None and (missing := set(range(CLASSES)) - set(labels.tolist())):
        raise UserError(
            f"no training image of class {min(missing)} to observe a background of: take more digits, or set"
            " mnist.abduction.backgrounds to generated"
        )
    by_class = np.argsort(labels, kind="stable")
    sorted_labels = labels[by_class]

    def block(first: int) -> list[Sample]:
        plan = plan_given_shapes(MNIST_SCM, params, CLASSES, labels, seed, first, first + BLOCK)
        mask = _fractions(masks[plan.noise["shape"]])
        if backgrounds is None:
            return samples_of(compose_images(cgn, mask, plan, params, seed, first), plan, seed, first)

        # m * f + (1 - m) * b, one composite around the other: the CGN's lies where the object is and where
        # the giver's object was, around it the giver's background.
        givers = plan.noise["shape"]
        if "background" in params.intervened:
            places = _places_in_class(sorted_labels, plan.labels["background"], seed, first)
            givers = by_class[places]
        gap = _fractions(masks[givers])
        covered = mask + (1 - mask) * gap
        inner = compose_images(cgn, mask / covered.clamp(min=1e-6), plan, params, seed, first)
        parts = (from_bytes(torch.from_numpy(part)) for part in (inner, backgrounds[givers]))
        samples = samples_of(to_bytes(compose(covered, *parts)), plan, seed, first)
        for sample, giver in zip(samples, givers.tolist(), strict=True):
            sample.metadata["background_image"] = giver
        return samples

    return in_blocks(block, start, stop)


def _places_in_class(
    sorted_labels: NDArray[np.integer], wanted: NDArray[np.int64], seed: int, first: int
) -> NDArray[np.int64]:
    """For each class of `wanted`, one of its places in `sorted_labels`, uniform among those."""
    starts, stops = (np.searchsorted(sorted_labels, wanted, side) for side in ("left", "right"))
    share = indexed_uniforms(seed, "background/image", first, first + len(wanted), 1)[:, 0]
    return (starts + share * (stops - starts)).astype(np.int64)


def _fractions(masks: NDArray[np.uint8]) -> Tensor:
    return torch.from_numpy(masks[:, None]).float() / 255
