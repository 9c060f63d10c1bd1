"""Adversarial training on a biased MNIST variant, for the CGN and the GAN baseline."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR

from cgn.generators.mnist.mechanisms import CLASSES, SIZE, take_pixels
from cgn.generators.params import AdversarialParams, GeneratorBudget
from cgn.io.pixels import from_bytes
from cgn.metrics.masks import MASK_MEAN
from cgn.networks.discriminators import DigitDiscriminator
from cgn.training.adversarial import DISCRIMINATOR, Game, Refused
from cgn.training.checkpoint import Checkpoint
from cgn.training.loop import History, Loop


class Fake(NamedTuple):
    """One batch of generated images, with further losses of the generator, already weighted."""

    images: Tensor  # (n, 3, 32, 32) in [-1, 1]
    losses: dict[str, Tensor]
    refused: Refused | None = None
    mask: Tensor | None = None  # whose mean must not collapse


class AdversarialGenerator(nn.Module, ABC):
    """A generator that `train_adversarially` can train."""

    @abstractmethod
    def fake(self, labels: Tensor, real: Tensor, draws: torch.Generator, progress: float) -> Fake:
        """Generates images of the classes `labels` (n,) with random numbers from `draws`.

        `real` are training images (n, 3, 32, 32) of those classes; `progress`, in [0, 1), is the share of the
        training done.
        """


class TrainedGenerator(NamedTuple):
    """The averaged weights of a generator, and the records of its training."""

    weights: dict[str, Tensor]  # averaged over training
    history: History  # the losses of every `report_every`-th step
    snapshots: list[dict[str, Tensor]]  # the results of `snapshot`, one for each of `snapshot_steps`


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
    """Trains `generator` against a new discriminator on `images` uint8 (n, 32, 32, 3) with `labels` (n,).

    All random numbers come from one torch generator on the CPU. Its state is in the checkpoint, so an
    interrupted run gives the same bytes.
    """
    draws = torch.Generator().manual_seed(seed)
    game = Game(
        generator.to(device),
        DigitDiscriminator(budget.discriminator_width, CLASSES).to(device),
        (params.learning_rate, params.learning_rate),
        params.adam_betas,
        params.weight_averaging,
    )

    def decay(step: int) -> float:
        """The factor of the learning rate: 1 at first, then linearly down to 0."""
        return min(1.0, (1 - step / budget.steps) / max(1 - params.learning_rate_decay_start, 1e-9))

    schedules = [LambdaLR(optimizer, decay) for optimizer in (game.optimizer_g, game.optimizer_d)]
    loop = Loop(budget.steps, checkpoint, "generator")
    loop.keep(**game.parts(), schedule_g=schedules[0], schedule_d=schedules[1])
    loop.keep_value("draws", draws.get_state, draws.set_state)

    real_images = torch.from_numpy(images).to(device)
    real_labels = torch.from_numpy(labels.astype(np.int64)).to(device)
    reach, interval = params.discriminator.translation, params.discriminator.gradient_penalty_interval
    first_penalty, last_penalty = params.discriminator.gradient_penalty
    for step in loop:
        progress = step / budget.steps

        chosen = torch.randint(len(real_images), (budget.batch,), generator=draws).to(device)
        batch_labels = real_labels[chosen]
        real = from_bytes(real_images[chosen])
        fake = generator.fake(batch_labels, real, draws, progress)
        offsets = torch.randint(-reach, reach + 1, (2, budget.batch, 2), generator=draws).to(device)
        real, fake_images = translate(real, offsets[0]), translate(fake.images, offsets[1])
        refused = None
        if fake.refused is not None:
            refused = fake.refused._replace(images=translate(fake.refused.images, offsets[1]))

        penalty = 0.0
        if step % interval == 0:
            penalty = 0.5 * first_penalty * (last_penalty / first_penalty) ** progress * interval
        update = game.update(
            real, fake_images, batch_labels, penalty, refused, lambda_adversarial, fake.losses.values()
        )
        for schedule in schedules:
            schedule.step()
        game.average(step)

        if loop.every(report_every):
            loop.watch("the discriminator's loss", update.discriminator, DISCRIMINATOR)
            if fake.mask is not None:
                loop.watch("the mean of the masks", fake.mask.mean(), MASK_MEAN)
            discriminator = update.discriminator + update.gradient_penalty
            loop.record(discriminator=discriminator, adversarial=update.generator, **fake.losses)
            loop.add_row(step=loop.done)
        if loop.done in snapshot_steps:
            with torch.no_grad():
                loop.snapshots.append(snapshot(game.averaged))
    return TrainedGenerator(game.averaged.state_dict(), loop.history, loop.snapshots)


def translate(images: Tensor, offsets: Tensor) -> Tensor:
    """Shifts each image (n, c, 32, 32) by whole pixels, `offsets` int64 (n, 2), and repeats the edge."""
    steps = torch.arange(SIZE, device=images.device)
    rows = (steps + offsets[:, :1]).clamp(0, SIZE - 1)
    columns = (steps + offsets[:, 1:]).clamp(0, SIZE - 1)
    return take_pixels(images, rows[:, :, None] * SIZE + columns[:, None, :])
