"""The loop that the small networks with a loss of their own go through: U2-Net, VGG and segmenters."""

import logging
import math
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from tqdm import tqdm

from cgn.params.shared import NetworkTrainingParams
from cgn.training.checkpoint import Checkpoint
from cgn.training.optimizers import Adam

log = logging.getLogger(__name__)


def train_network(
    network: nn.Module,  # changed in place; frozen and in evaluation mode afterwards
    batch_loss: Callable[[int], Tensor],  # of batch 0, 1, ..., under the network
    image_passes: int,
    params: NetworkTrainingParams,
    checkpoint: Checkpoint,
    description: str,
) -> None:
    """Minimise `batch_loss` by Adam, whose rate rises from 0 for a share of the training, then falls to 0.

    The fall is half a cosine. The result does not depend on whether the run was interrupted.
    """
    steps = max(1, image_passes // params.batch)
    rising = params.warmup * steps
    optimizer = Adam(network.parameters(), params.learning_rate)
    first_step = 0

    resumed = checkpoint.load()
    if resumed is not None:
        network.load_state_dict(resumed["network"])
        optimizer.load_state_dict(resumed["optimizer"])
        first_step = resumed["step"]
        log.info("resuming at step %d of %d from %s", first_step, steps, checkpoint.path)

    def state(step: int) -> dict[str, Any]:
        return {"network": network.state_dict(), "optimizer": optimizer.state_dict(), "step": step}

    network.train().requires_grad_(True)
    bar = tqdm(range(first_step, steps), desc=description, initial=first_step, total=steps, unit="step")
    for step in bar:
        checkpoint.save_if_due(partial(state, step))
        fallen = (step - rising) / (steps - rising)
        share = (step + 1) / rising if step < rising else (1 + math.cos(math.pi * fallen)) / 2
        for group in optimizer.param_groups:
            group["lr"] = params.learning_rate * share
        loss = batch_loss(step)
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        if step % 50 == 0:
            bar.set_postfix(loss=f"{loss.item():.3f}")
    checkpoint.save(state(steps))
    network.eval().requires_grad_(False)
