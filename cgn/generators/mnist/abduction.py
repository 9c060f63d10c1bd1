"""Counterfactuals of real images in three steps: abduction, action and prediction (Pearl 2009).

In the paper the CGN generates all parts of a counterfactual. Here a counterfactual keeps the shape of a real
image. Abduction: a segmenter predicts the mask of the real image. It is trained on images and masks of the
CGN that have one label for all mechanisms, as the training data have; no mask of a real image is used. Action
and prediction: foreground and background get new labels, and the CGN's textures fill that mask
(`sample_given_shapes`).
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cgn.counterfactuals import plan_counterfactuals
from cgn.errors import UserError
from cgn.generators.ahead import in_blocks, samples_of
from cgn.generators.mnist.mechanisms import CLASSES, DigitCGN
from cgn.generators.mnist.sampling import BLOCK, draw
from cgn.generators.mnist.stored import WEIGHTS
from cgn.generators.params import SegmenterParams
from cgn.io.pixels import from_bytes, to_bytes
from cgn.io.shards import Sample
from cgn.io.weights import load_generator, write_generator
from cgn.networks.unet import Segmenter
from cgn.scm import MNIST_SCM, CounterfactualParams
from cgn.seeding import indexed_uniforms


def read_masks(segmenter: Segmenter, images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Predicts the masks (n, 32, 32) of images (n, 32, 32, 3), both uint8; masks are 255 on the object."""
    device = next(segmenter.parameters()).device
    parts = []
    for start in range(0, len(images), BLOCK):
        block = torch.from_numpy(images[start : start + BLOCK]).to(device)
        with torch.inference_mode():
            parts.append(mask_bytes(segmenter(from_bytes(block)).cpu()))
    return np.concatenate(parts)


def mask_bytes(masks: Tensor) -> NDArray[np.uint8]:
    """Masks (n, 1, h, w) in [0, 1] as uint8 (n, h, w)."""
    return masks[:, 0].mul(255).round().to(torch.uint8).numpy()


def save_segmenter(folder: Path, segmenter: Segmenter, params: SegmenterParams) -> None:
    """Writes the segmenter's weights and channels to `folder`."""
    write_generator(folder / WEIGHTS, segmenter.state_dict(), {"channels": params.channels})


def load_segmenter(folder: Path) -> Segmenter:
    """Loads a segmenter of `save_segmenter`, frozen. Raises UserError when it is missing or damaged."""
    return load_generator(folder / WEIGHTS, lambda config: Segmenter(config["channels"]))


def sample_given_shapes(
    cgn: DigitCGN,
    masks: NDArray[np.uint8],
    labels: NDArray[np.integer],
    backgrounds: NDArray[np.uint8] | None,
    params: CounterfactualParams,
    seed: int,
    start: int,
    stop: int,
) -> Iterator[Sample]:
    """Yields counterfactuals start to stop - 1 of given shapes: image i has mask i % n, textures of `cgn`.

    `masks` are uint8 (n, 32, 32), 255 on the object; `labels` (n,) are their classes. Without `backgrounds`
    the CGN draws the backgrounds. `backgrounds` are the real images uint8 (n, 32, 32, 3) of the masks; each
    counterfactual then takes its background from one of them, x: b = (1 - m) * x + m * b', where m is the
    mask of x, and b' is a background of the same class, drawn by the CGN, which fills the place of the
    object.

    x is drawn from the images of the background's class (without intervention on the background it is the
    shape's image); the metadata have its number as "background_image". Raises UserError when a class has no
    image.
    """
    if backgrounds is not None and (missing := set(range(CLASSES)) - set(labels.tolist())):
        raise UserError(
            f"no training image of class {min(missing)} to observe a background of: take more digits, or set"
            " mnist.abduction.backgrounds to generated"
        )
    by_class = np.argsort(labels, kind="stable")
    sorted_labels = labels[by_class]

    def block(first: int) -> list[Sample]:
        plan = plan_counterfactuals(MNIST_SCM, params, CLASSES, seed, first, first + BLOCK, labels)
        mask = _fractions(masks[plan.noise["shape"]])
        if backgrounds is None:
            return samples_of(plan, to_bytes(draw(cgn, plan, given={"shape": mask})["composer"]))

        # m * f + (1 - m) * b is composed in two steps: the CGN's composite, where the new object is and where
        # the giver's object was, and around it the giver's image.
        givers = plan.noise["shape"]
        if "background" in params.intervened:
            givers = by_class[_places_in_class(sorted_labels, plan.labels["background"], seed, first)]
        gap = _fractions(masks[givers])
        covered = mask + (1 - mask) * gap
        inner = draw(cgn, plan, given={"shape": mask / covered.clamp(min=1e-6)})["composer"]
        parts = {"foreground": to_bytes(inner), "background": backgrounds[givers]}
        known = {name: from_bytes(torch.from_numpy(part)) for name, part in parts.items()}
        outer = draw(cgn, plan, given={"shape": covered} | known)["composer"]
        samples = samples_of(plan, to_bytes(outer))
        for sample, giver in zip(samples, givers.tolist(), strict=True):
            sample.metadata["background_image"] = giver
        return samples

    return in_blocks(block, BLOCK, start, stop, torch.get_num_threads())


def _places_in_class(
    sorted_labels: NDArray[np.integer], wanted: NDArray[np.int64], seed: int, first: int
) -> NDArray[np.int64]:
    """Draws, for each class in `wanted`, one of its positions in `sorted_labels`, uniformly."""
    starts, stops = (np.searchsorted(sorted_labels, wanted, side) for side in ("left", "right"))
    share = indexed_uniforms(seed, "background/image", first, first + len(wanted), 1)[:, 0]
    return (starts + share * (stops - starts)).astype(np.int64)


def _fractions(masks: NDArray[np.uint8]) -> Tensor:
    return torch.from_numpy(masks[:, None]).float() / 255
