"""Training of a small VGG with batch norm for the Gram losses.

It names three things in renders whose cues are random: the object's class, the family of its surface and the
family of the background. The class alone can be told from outlines, and a network that is asked for nothing
else learns to ignore surfaces, which is what Gram losses are there to compare.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from cgn.io.pixels import from_bytes
from cgn.networks.vgg import QUESTIONS, Channels, VGGClassifier
from cgn.params.shared import NetworkTrainingParams
from cgn.seeding import indexed_integers, seed_for
from cgn.training.checkpoint import Checkpoint
from cgn.training.network import train_network

CLASSES = 9  # answers to each


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
    """A VGG of `channels` that sees images in [-1, 1], frozen; its logits are (n, 3 x 9), by question.

    `images` (n, r, r, 3) with `answers` (n, 3), 0 to 8, in the order of QUESTIONS. They are shown as they
    are: features that did not notice blur or colour would let a generator blur.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed_for(seed, "vgg"))
        network = VGGClassifier(channels, len(QUESTIONS) * CLASSES).to(device)
    pixels, labels = torch.from_numpy(images).to(device), torch.from_numpy(answers).to(device)

    def batch_loss(step: int) -> Tensor:
        places = (step * params.batch, (step + 1) * params.batch)
        rows = torch.from_numpy(indexed_integers(seed, "vgg/images", *places, len(images))).to(device)
        logits = network(from_bytes(pixels[rows])).unflatten(1, (len(QUESTIONS), CLASSES))
        return len(QUESTIONS) * functional.cross_entropy(logits.flatten(0, 1), labels[rows].flatten())

    train_network(network, batch_loss, image_passes, params, checkpoint, "vgg")
    return network
