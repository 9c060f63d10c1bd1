"""Adversarial training on a biased MNIST variant: the loop that the CGN and the GAN baseline share.

A generator is a module with one more method, `fake` (see `AdversarialGenerator`).
"""

import copy
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from tqdm import tqdm

from cgn.generators.mnist.discriminator import Discriminator, translate
from cgn.generators.mnist.losses import discriminator_loss, generator_loss, gradient_penalty, refusal_loss
from cgn.io.pixels import from_bytes
from cgn.params.budgets import GeneratorBudget
from cgn.params.mnist import AdversarialParams
from cgn.training.checkpoint import Checkpoint
from cgn.training.optimizers import Adam

log = logging.getLogger(__name__)


class Refused(NamedTuple):
    """Further images that are not real, without gradient, and how much each counts for the discriminator."""

    images: Tensor  # (n, 3, 32, 32) in [-1, 1]
    weights: Tensor  # (n,), 0 or more


class Fake(NamedTuple):
    """One batch of generated images, with the generator's own losses (already weighted)."""

    images: Tensor  # (n, 3, 32, 32) in [-1, 1]
    losses: dict[str, Tensor]
    refused: Refused | None = None


class AdversarialGenerator(nn.Module, ABC):
    """What the loop asks of a generator."""

    @abstractmethod
    def fake(self, labels: Tensor, real: Tensor, draws: torch.Generator, progress: float) -> Fake:
        """Images of the classes `labels` (n,), drawn from `draws`.

        `real`: training images (n, 3, 32, 32) of those classes; `progress` in [0, 1) of the training.
        """


class TrainedGenerator(NamedTuple):
    weights: dict[str, Tensor]  # averaged over training
    history: list[dict[str, float]]  # one row every `report_every` steps
    snapshots: list[dict[str, Tensor]]  # what `snapshot` returned, one for each of `snapshot_steps`


def train_adversarially(
    generator: AdversarialGenerator,
    images: NDArray[np.uint8],
    labels: NDArray[np.uint8],
    params: AdversarialParams,
    lambda_adversarial: float,
    budget: GeneratorBudget,
    seed: int,
    checkpoint: Checkpoint,
    device: torch.device,
    snapshot: Callable[[nn.Module], dict[str, Tensor]] = lambda averaged: {},
    snapshot_steps: frozenset[int] = frozenset(),
    report_every: int = 50,
) -> TrainedGenerator:
    """Train `generator` against a fresh discriminator on `images` (n, 32, 32, 3) uint8 with `labels`.

    Every random draw comes from one torch generator on the CPU whose state is part of the checkpoint, so that
    a run that was cut off ends with the same bytes.
    """
    draws = torch.Generator().manual_seed(seed)
    generator.to(device)
    discriminator = Discriminator(budget.discriminator_width).to(memory_format=torch.channels_last)
    discriminator.to(device)
    averaged = copy.deepcopy(generator).requires_grad_(False)
    optimizer_g = Adam(generator.parameters(), params.learning_rate, params.adam_betas, fused=True)
    optimizer_d = Adam(discriminator.parameters(), params.learning_rate, params.adam_betas, fused=True)
    parts: dict[str, Any] = {
        "generator": generator, "discriminator": discriminator, "averaged": averaged,
        "optimizer_g": optimizer_g, "optimizer_d": optimizer_d,
    }  # fmt: skip
    history: list[dict[str, float]] = []
    snapshots: list[dict[str, Tensor]] = []
    first_step = 0

    resumed = checkpoint.load()
    if resumed is not None:
        for name, part in parts.items():
            part.load_state_dict(resumed[name])
        draws.set_state(resumed["draws"])
        history, snapshots, first_step = resumed["history"], resumed["snapshots"], resumed["step"]
        log.info("resuming at step %d of %d from %s", first_step, budget.steps, checkpoint.path)

    def state(step: int) -> dict[str, Any]:
        kept = {name: part.state_dict() for name, part in parts.items()}
        return kept | {"draws": draws.get_state(), "history": history, "snapshots": snapshots, "step": step}

    real_images = torch.from_numpy(images).to(device)
    real_labels = torch.from_numpy(labels.astype(np.int64)).to(device)
    for step in tqdm(range(first_step, budget.steps), initial=first_step, total=budget.steps, unit="step"):
        checkpoint.save_if_due(partial(state, step))
        progress = step / budget.steps
        rate = params.learning_rate * _decay(progress, params.learning_rate_decay_start)
        for optimizer in (optimizer_g, optimizer_d):
            for group in optimizer.param_groups:
                group["lr"] = rate

        # Draw a real batch, and fakes with the same labels.
        chosen = torch.randint(len(real_images), (budget.batch,), generator=draws).to(device)
        batch_labels = real_labels[chosen]
        real = from_bytes(real_images[chosen])
        fake = generator.fake(batch_labels, real, draws, progress)
        reach = params.discriminator.translation
        offsets = torch.randint(-reach, reach + 1, (2, budget.batch, 2), generator=draws).to(device)
        real, fake_images = translate(real, offsets[0]), translate(fake.images, offsets[1])

        # Discriminator step, with a lazy gradient penalty.
        discriminator.requires_grad_(True)
        penalise = step % params.discriminator.gradient_penalty_interval == 0
        real.requires_grad_(penalise)
        shown = [real, fake_images.detach()]
        if fake.refused is not None:
            shown.append(translate(fake.refused.images, offsets[1]))
        logits = discriminator(torch.cat(shown), batch_labels.repeat(len(shown)), groups=len(shown))
        real_logits, fake_logits, *refused_logits = logits.chunk(len(shown))
        loss_d = discriminator_loss(real_logits, fake_logits)
        if fake.refused is not None:
            loss_d = loss_d + refusal_loss(refused_logits[0], fake.refused.weights)
        if penalise:
            first, last = params.discriminator.gradient_penalty
            weight = first * (last / first) ** progress * params.discriminator.gradient_penalty_interval
            loss_d = loss_d + 0.5 * weight * gradient_penalty(real_logits, real)
        optimizer_d.zero_grad()
        torch.autograd.backward(loss_d)
        optimizer_d.step()

        # Generator step on the same fakes.
        discriminator.requires_grad_(False)
        losses = {
            "adversarial": lambda_adversarial * generator_loss(discriminator(fake_images, batch_labels))
        }
        losses |= fake.losses
        optimizer_g.zero_grad()
        torch.autograd.backward(torch.stack(list(losses.values())).sum())
        optimizer_g.step()

        # Average the weights, with a shorter memory at the start.
        memory = min(params.weight_averaging, (1 + step) / (10 + step))
        with torch.no_grad():
            torch._foreach_lerp_(list(averaged.parameters()), list(generator.parameters()), 1 - memory)

        done = step + 1
        if done % report_every == 0 or done == budget.steps:
            row = {"step": float(done), "discriminator": loss_d.item()}
            history.append(row | {name: loss.item() for name, loss in losses.items()})
        if done in snapshot_steps:
            with torch.no_grad():
                snapshots.append(snapshot(averaged))

    return TrainedGenerator(averaged.state_dict(), history, snapshots)


def _decay(progress: float, start: float) -> float:
    """Factor on the learning rate: 1 until `start` of the run, then linearly to 0."""
    return min(1.0, (1 - progress) / max(1 - start, 1e-9))
