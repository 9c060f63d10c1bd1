"""Training of the small networks that minimise one loss: U2-Net, VGG and segmenters."""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR

from cgn.training.checkpoint import Checkpoint
from cgn.training.loop import Loop
from cgn.training.optimizers import Adam
from cgn.training.params import NetworkTrainingParams


def train_network(
    network: nn.Module,  # changed in place; frozen and in evaluation mode afterwards
    batch_loss: Callable[[int], Tensor],  # the network's loss on batch 0, 1, ...
    image_passes: int,
    params: NetworkTrainingParams,
    checkpoint: Checkpoint,
    description: str,
) -> None:
    """Trains `network` with Adam on `image_passes` images, in batches of `params.batch`.

    The learning rate rises linearly for the share `params.warmup` of the training, then falls to 0 as half a
    cosine. (If that share is no whole number of steps, the last step of the rise is above the rate, by less
    than one step's rise.) An interrupted run gives the same result as an uninterrupted one.
    """
    steps = max(1, image_passes // params.batch)
    rising = params.warmup * steps

    def share(step: int) -> float:
        """The factor of the learning rate at a step."""
        if step < rising:
            return (step + 1) / rising
        return (1 + math.cos(math.pi * (step - rising) / (steps - rising))) / 2

    optimizer = Adam(network.parameters(), params.learning_rate)
    schedule = LambdaLR(optimizer, share)
    loop = Loop(steps, checkpoint, description)
    loop.keep(network=network, optimizer=optimizer, schedule=schedule)

    network.train().requires_grad_(True)
    for step in loop:
        loss = batch_loss(step)
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        schedule.step()
        loop.record(loss=loss)
        if loop.every(50):
            loop.add_row(step=loop.done)
    network.eval().requires_grad_(False)
