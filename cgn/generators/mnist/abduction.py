"""Counterfactuals of real images in three steps (Pearl 2009): abduction, action, prediction.

The paper's counterfactuals recombine what the CGN generates. Those of a real image keep its own shape.
Abduction: a network reads the mask off the image. It learnt to on images of the CGN, whose masks are known,
with one label for all mechanisms, as real ones have; no mask of a real image takes part. Action, prediction:
new labels for foreground and background, whose textures go around that mask (`sample_given_shapes`).
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from cgn.counterfactuals import plan_counterfactuals
from cgn.errors import UserError
from cgn.generators.ahead import in_blocks, samples_of
from cgn.generators.mnist.mechanisms import CGN, CLASSES
from cgn.generators.mnist.sampling import BLOCK, draw
from cgn.generators.mnist.stored import WEIGHTS
from cgn.generators.params import SegmenterParams
from cgn.io.pixels import from_bytes, to_bytes
from cgn.io.shards import Sample
from cgn.io.weights import read_generator, write_generator
from cgn.networks.unet import Segmenter
from cgn.scm import MNIST_SCM, CounterfactualParams
from cgn.seeding import indexed_integers, indexed_uniforms, seed_for
from cgn.training.checkpoint import Checkpoint
from cgn.training.network import train_network

# As the training data: one label for all mechanisms.
_ONE_LABEL = CounterfactualParams(intervened=["shape"], noise="per_mechanism", ratio=1)


def train_segmenter(
    cgn: CGN,
    params: SegmenterParams,
    drawn: int,  # images of the CGN to learn from
    image_passes: int,
    seed: int,
    checkpoint: Checkpoint,
    device: torch.device,
) -> Segmenter:
    """A network that reads masks off images of `cgn` (binary cross entropy), frozen."""
    images, masks = (torch.from_numpy(part) for part in draw_with_masks(cgn, drawn, seed_for(seed, "pairs")))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed_for(seed, "segmenter"))
        segmenter = Segmenter(params.channels)
    segmenter.to(memory_format=torch.channels_last)
    segmenter.to(device)

    def batch_loss(step: int) -> Tensor:
        places = (step * params.batch, (step + 1) * params.batch)
        rows = torch.from_numpy(indexed_integers(seed, "segmenter/rows", *places, drawn))
        true = masks[rows, None].to(device).float() / 255
        return functional.binary_cross_entropy_with_logits(
            segmenter.logits(from_bytes(images[rows].to(device))), true
        )

    train_network(segmenter, batch_loss, image_passes, params, checkpoint, "segmenter")
    return segmenter


def draw_with_masks(cgn: CGN, count: int, seed: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Images (count, 32, 32, 3) of one label for all mechanisms, and their masks (count, 32, 32), uint8."""

    def block(first: int) -> list[tuple[NDArray[np.uint8], NDArray[np.uint8]]]:
        plan = plan_counterfactuals(MNIST_SCM, _ONE_LABEL, CLASSES, seed, first, first + BLOCK)
        drawn = draw(cgn, plan)
        return list(zip(to_bytes(drawn["composer"]), _mask_bytes(drawn["shape"]), strict=True))

    images, masks = zip(*in_blocks(block, BLOCK, 0, count, torch.get_num_threads()), strict=True)
    return np.stack(images), np.stack(masks)


def read_masks(segmenter: Segmenter, images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The masks (n, 32, 32) that `segmenter` reads off images (n, 32, 32, 3), uint8, 255 on the object."""
    device = next(segmenter.parameters()).device
    parts = []
    for start in range(0, len(images), BLOCK):
        block = torch.from_numpy(images[start : start + BLOCK]).to(device)
        with torch.inference_mode():
            parts.append(_mask_bytes(segmenter(from_bytes(block)).cpu()))
    return np.concatenate(parts)


def _mask_bytes(masks: Tensor) -> NDArray[np.uint8]:
    return masks[:, 0].mul(255).round().to(torch.uint8).numpy()


def save_segmenter(folder: Path, segmenter: Segmenter, params: SegmenterParams) -> None:
    """Write the weights and sizes into `folder`."""
    write_generator(folder / WEIGHTS, segmenter.state_dict(), {"channels": params.channels})


def load_segmenter(folder: Path) -> Segmenter:
    """What `save_segmenter` wrote, ready to read masks. Raises UserError if there is none."""
    weights, config = read_generator(folder / WEIGHTS)
    segmenter = Segmenter(config["channels"])
    segmenter.load_state_dict(weights)
    segmenter.eval().requires_grad_(False)
    return segmenter


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

    The backgrounds are the CGN's, or those of real images. A background is seen in an image x wherever its
    object is not: b = (1 - m) * x + m * b', with the mask m of x and a background b' of the same class that
    the CGN drew. Nothing is drawn that an image shows.

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
        plan = plan_counterfactuals(MNIST_SCM, params, CLASSES, seed, first, first + BLOCK, labels)
        mask = _fractions(masks[plan.noise["shape"]])
        if backgrounds is None:
            return samples_of(plan, to_bytes(draw(cgn, plan, given={"shape": mask})["composer"]))

        # m * f + (1 - m) * b, one composite around the other: the CGN's lies where the object is and where
        # the giver's object was, around it the giver's background.
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
    """For each class of `wanted`, one of its places in `sorted_labels`, uniform among those."""
    starts, stops = (np.searchsorted(sorted_labels, wanted, side) for side in ("left", "right"))
    share = indexed_uniforms(seed, "background/image", first, first + len(wanted), 1)[:, 0]
    return (starts + share * (stops - starts)).astype(np.int64)


def _fractions(masks: NDArray[np.uint8]) -> Tensor:
    return torch.from_numpy(masks[:, None]).float() / 255
