"""Trains the segmenter of the abduction on images and masks that the CGN draws."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from cgn.counterfactuals import plan_counterfactuals
from cgn.generators.ahead import in_blocks
from cgn.generators.mnist.abduction import mask_bytes
from cgn.generators.mnist.mechanisms import CLASSES, DigitCGN
from cgn.generators.mnist.sampling import BLOCK, draw
from cgn.generators.params import SegmenterParams
from cgn.io.pixels import from_bytes, to_bytes
from cgn.networks.unet import Segmenter
from cgn.scm import MNIST_SCM, CounterfactualParams
from cgn.seeding import indexed_integers, seed_for
from cgn.training.checkpoint import Checkpoint
from cgn.training.network import train_network

# One label for all mechanisms, as in the training data.
_ONE_LABEL = CounterfactualParams(intervened=["shape"], noise="per_mechanism", ratio=1)


def train_segmenter(
    cgn: DigitCGN,
    params: SegmenterParams,
    drawn: int,  # number of CGN images to train on
    image_passes: int,
    seed: int,
    checkpoint: Checkpoint,
    device: torch.device,
) -> Segmenter:
    """Trains a segmenter on images and masks of `cgn` with binary cross-entropy, and freezes it."""
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


def draw_with_masks(cgn: DigitCGN, count: int, seed: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Draws images (count, 32, 32, 3) with one label for all mechanisms, and masks (count, 32, 32), uint8."""

    def block(first: int) -> list[tuple[NDArray[np.uint8], NDArray[np.uint8]]]:
        plan = plan_counterfactuals(MNIST_SCM, _ONE_LABEL, CLASSES, seed, first, first + BLOCK)
        drawn = draw(cgn, plan)
        return list(zip(to_bytes(drawn["composer"]), mask_bytes(drawn["shape"]), strict=True))

    images, masks = zip(*in_blocks(block, BLOCK, 0, count, torch.get_num_threads()), strict=True)
    return np.stack(images), np.stack(masks)
