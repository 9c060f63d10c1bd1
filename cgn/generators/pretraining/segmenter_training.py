"""Training of the judge of masks: it shares neither seed nor architecture with the U2-Net."""

import torch
from torch import Tensor
from torch.nn import functional

from cgn.generators.pretraining.scenes import Renders, Scenes
from cgn.networks.unet import Segmenter
from cgn.params.shared import NetworkTrainingParams
from cgn.seeding import seed_for
from cgn.training.checkpoint import Checkpoint
from cgn.training.network import train_network


def train_segmenter(
    renders: Renders,
    channels: tuple[int, ...],
    params: NetworkTrainingParams,
    image_passes: int,
    seed: int,
    checkpoint: Checkpoint,
    device: torch.device,
) -> Segmenter:
    """A plain U-Net of `channels` that sees images in [-1, 1], frozen; the loss is binary cross entropy."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed_for(seed, "segmenter"))
        network = Segmenter(channels).to(device)
    scenes = Scenes(renders, params.batch, seed, "segmenter", device)

    def batch_loss(step: int) -> Tensor:
        images, masks = scenes.minibatch(step)
        return functional.binary_cross_entropy_with_logits(network.logits(images), masks)

    train_network(network, batch_loss, image_passes, params, checkpoint, "segmenter")
    return network
