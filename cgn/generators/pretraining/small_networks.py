"""Trains and scores the small U2-Net, VGG and segmenter on renders.

The segmenter judges masks; its seed and architecture differ from the U2-Net's. The VGG is for the Gram
losses. It classifies three things in renders with random cues: object, surface and background. Trained on the
object's class alone, it could rely on outlines and ignore surfaces, which Gram losses have to compare.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from cgn.generators.pretraining.scenes import Renders, Scenes
from cgn.io.pixels import from_bytes
from cgn.metrics.masks import background_residue, mask_iou
from cgn.networks.u2net import U2Net, U2NetSizes
from cgn.networks.unet import Segmenter
from cgn.networks.vgg import QUESTIONS, Channels, VGGClassifier
from cgn.seeding import indexed_integers, seed_for
from cgn.training.checkpoint import Checkpoint
from cgn.training.network import train_network
from cgn.training.params import NetworkTrainingParams

CLASSES = 9  # possible answers to each of QUESTIONS

Network = TypeVar("Network", bound=nn.Module)


def train_saliency(
    renders: Renders,
    sizes: U2NetSizes,
    params: NetworkTrainingParams,
    image_passes: int,
    seed: int,
    checkpoint: Checkpoint,
    device: torch.device,
) -> U2Net:
    """Trains a U2-Net of `sizes` on images in [-1, 1], and freezes it.

    The loss is the sum of the binary cross-entropies of the fused map and all side outputs (Qin et al.,
    equation 1). True masks are soft: they tell the covered share of a pixel.
    """
    network = _seeded(lambda: U2Net(sizes), seed_for(seed, "u2net")).to(device)
    scenes = Scenes(renders, params.batch, seed, "u2net", device)
    maps = 1 + network.stages

    def batch_loss(step: int) -> Tensor:
        images, masks = scenes.minibatch(step)
        logits: Tensor = network(images)
        return maps * functional.binary_cross_entropy_with_logits(logits, masks.expand_as(logits))

    train_network(network, batch_loss, image_passes, params, checkpoint, "u2net")
    return network


def train_segmenter(
    renders: Renders,
    channels: tuple[int, ...],
    params: NetworkTrainingParams,
    image_passes: int,
    seed: int,
    checkpoint: Checkpoint,
    device: torch.device,
) -> Segmenter:
    """Trains a plain U-Net of `channels` on images in [-1, 1] with binary cross-entropy, and freezes it."""
    network = _seeded(lambda: Segmenter(channels), seed_for(seed, "segmenter")).to(device)
    scenes = Scenes(renders, params.batch, seed, "segmenter", device)

    def batch_loss(step: int) -> Tensor:
        images, masks = scenes.minibatch(step)
        return functional.binary_cross_entropy_with_logits(network.logits(images), masks)

    train_network(network, batch_loss, image_passes, params, checkpoint, "segmenter")
    return network


def train_vgg(
    images: NDArray[np.uint8],
    answers: NDArray[np.int64],
    channels: Channels,
    params: NetworkTrainingParams,
    image_passes: int,
    seed: int,
    checkpoint: Checkpoint,
    device: torch.device,
) -> VGGClassifier:
    """Trains a VGG of `channels` on images in [-1, 1], and freezes it.

    Its logits are (n, 3 x 9), by question. `images` are uint8 (n, r, r, 3); `answers` (n, 3), 0 to 8, are in
    the order of QUESTIONS. Images are not augmented: features that ignore blur and colour would let a
    generator blur.
    """
    network = _seeded(lambda: VGGClassifier(channels, len(QUESTIONS) * CLASSES), seed_for(seed, "vgg"))
    network.to(device)
    pixels, labels = torch.from_numpy(images).to(device), torch.from_numpy(answers).to(device)

    def batch_loss(step: int) -> Tensor:
        places = (step * params.batch, (step + 1) * params.batch)
        rows = torch.from_numpy(indexed_integers(seed, "vgg/images", *places, len(images))).to(device)
        logits = network(from_bytes(pixels[rows])).unflatten(1, (len(QUESTIONS), CLASSES))
        return len(QUESTIONS) * functional.cross_entropy(logits.flatten(0, 1), labels[rows].flatten())

    train_network(network, batch_loss, image_passes, params, checkpoint, "vgg")
    return network


def _seeded(build: Callable[[], Network], seed: int) -> Network:
    """Builds a network with random weights drawn from `seed`."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build()


Arrays = dict[str, NDArray[Any]]
_BATCH = 100  # images at once


def segmentation_scores(network: nn.Module, renders: Arrays) -> dict[str, float]:
    """`mask_iou` (0 to 1) on the renders' images, and `background_residue` (percent) on their backgrounds.


    `network` maps images (n, 3, r, r) in [-1, 1] to masks (n, 1, r, r) in [0, 1].
    """
    truth = renders["masks"] / 255
    return {
        "mask_iou": mask_iou(truth, _outputs(network, renders["images"])[:, 0]),
        "background_residue": background_residue(_outputs(network, renders["backgrounds"])[:, 0]),
    }


def answer_scores(network: VGGClassifier, renders: Arrays) -> dict[str, float]:
    """The accuracy, in percent, of a small VGG on each of QUESTIONS."""
    logits = _outputs(network, renders["images"])
    answers = logits.reshape(len(logits), len(QUESTIONS), CLASSES).argmax(axis=2)
    return {
        question: float((answers[:, number] == renders[question]).mean() * 100)
        for number, question in enumerate(QUESTIONS)
    }


@torch.inference_mode()
def _outputs(network: nn.Module, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    device = next(network.parameters()).device
    parts = [
        network(from_bytes(torch.from_numpy(images[start : start + _BATCH])).to(device)).cpu().numpy()
        for start in range(0, len(images), _BATCH)
    ]
    return np.concatenate(parts)
