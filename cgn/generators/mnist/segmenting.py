"""Counterfactuals of real images in three steps (Pearl 2009): abduction, action, prediction.

The paper's counterfactuals recombine what the CGN generates. Those of a real image keep its own shape.
Abduction: a network reads the mask off the image. It learnt to on images of the CGN, whose masks are known,
with one label for all mechanisms, as real ones have; no mask of a real image takes part. Action, prediction:
new labels for foreground and background, whose textures go around that mask (`sample_given_shapes`).
"""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from cgn.counterfactuals import plan_counterfactuals
from cgn.generators.ahead import compute_ahead
from cgn.generators.mnist.mechanisms import CGN, CLASSES
from cgn.generators.mnist.sampling import BLOCK, compose_images, draw_masks
from cgn.generators.mnist.stored import WEIGHTS
from cgn.generators.params import SegmenterParams
from cgn.io.pixels import from_bytes
from cgn.io.weights import read_generator, write_generator
from cgn.networks.unet import Segmenter
from cgn.scm import MNIST_SCM, CounterfactualParams
from cgn.seeding import indexed_integers, seed_for
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

    def block(first: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        plan = plan_counterfactuals(MNIST_SCM, _ONE_LABEL, CLASSES, seed, first, first + BLOCK)
        drawn = draw_masks(cgn, plan, _ONE_LABEL, seed)
        images = compose_images(cgn, drawn, plan, _ONE_LABEL, seed, first)
        return images, _mask_bytes(drawn)

    blocks = list(compute_ahead(block, range(0, count, BLOCK), threads=torch.get_num_threads()))
    images, masks = (np.concatenate(parts)[:count] for parts in zip(*blocks, strict=True))
    return images, masks


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
