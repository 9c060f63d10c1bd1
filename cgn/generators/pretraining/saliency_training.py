"""Training of a small U2-Net on a world's true masks: frozen, it plays the part of the published one."""

import torch
from torch import Tensor
from torch.nn import functional

from cgn.generators.pretraining.scenes import Renders, Scenes
from cgn.networks.u2net import U2Net, U2NetSizes
from cgn.params.shared import NetworkTrainingParams
from cgn.seeding import seed_for
from cgn.training.checkpoint import Checkpoint
from cgn.training.network import train_network


def train_saliency(
    renders: Renders,
    sizes: U2NetSizes,
    params: NetworkTrainingParams,
    image_passes: int,
    seed: int,
    checkpoint: Checkpoint,
    device: torch.device,
) -> U2Net:
    """A U2-Net of `sizes` that sees images in [-1, 1], frozen.

    The loss is the binary cross entropy of the fused map and of all side outputs (equation 1 of Qin et al.),
    here of soft masks: a render knows how much of a pixel is covered.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed_for(seed, "u2net"))
        network = U2Net(sizes).to(device)
    scenes = Scenes(renders, params.batch, seed, "u2net", device)
    maps = 1 + network.stages

    def batch_loss(step: int) -> Tensor:
        images, masks = scenes.minibatch(step)
        logits: Tensor = network(images)
        loss = functional.binary_cross_entropy_with_logits(logits, masks.expand_as(logits))
        return maps * loss

    train_network(network, batch_loss, image_passes, params, checkpoint, "u2net")
    return network
