"""Training of a small BigGAN on a world's images, to replace the published one.

Noise, images and augmentation of a step are a function of the seed and the step, so a checkpoint needs
weights and optimizers only.
"""

from collections.abc import Callable
from functools import lru_cache, partial
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from pytorch_pretrained_biggan import BigGAN
from torch import Tensor

from cgn import ranks
from cgn.generators.params import BigGANBudget, BigGANTrainingParams
from cgn.io.pixels import from_bytes, to_bytes
from cgn.networks.biggan import (
    BigGANSizes,
    build_biggan,
    collect_statistics,
    generate,
    settle_spectral_norms,
    truncated_noise,
)
from cgn.networks.discriminators import BigGANDiscriminator, augment
from cgn.seeding import indexed_integers, indexed_uniforms, seed_for
from cgn.training import joint
from cgn.training.adversarial import DISCRIMINATOR, Game
from cgn.training.checkpoint import Checkpoint
from cgn.training.device import ReplayedUpdate, side_stream
from cgn.training.loop import History, Loop

# A sheet with fixed noise is drawn after these shares of the training.
SNAPSHOTS = (0.05, 0.2, 0.5, 1.0)
IMAGES_PER_CLASS = 8  # of a sheet
LOSSES = ("discriminator", "generator", "gradient_penalty", "real_logit", "fake_logit")
_REPORTS = 100  # rows of the history, approximately
_STEPS_AT_ONCE = 50  # random numbers of so many steps are drawn together
_ADAM_BETAS = (0.0, 0.99)


class TrainedBigGAN(NamedTuple):
    """A trained generator and the records of its training."""

    network: BigGAN  # averaged weights, with statistics, in evaluation mode
    history: History  # "step" and LOSSES, averaged since the previous row
    snapshots: list[dict[str, Tensor]]  # "images" uint8 (classes * 8, r, r, 3), sorted by class; "step"


def train_biggan(
    images: NDArray[np.uint8],
    labels: NDArray[np.int64],
    sizes: BigGANSizes,
    params: BigGANTrainingParams,
    budget: BigGANBudget,
    seed: int,
    checkpoint: Checkpoint,
    device: torch.device,
) -> TrainedBigGAN:
    """Trains a generator of `sizes` on images uint8 (n, r, r, 3), r = `sizes.resolution`, with labels (n,).

    On the CPU equal arguments give equal bytes. On CUDA the updates of a single rank are recorded and
    replayed. Several ranks share each batch, and batch norms take the statistics of a rank's own images.
    Raises UserError when they cannot share it equally.
    """
    game = Game(
        build_biggan(sizes, seed_for(seed, "biggan/generator")).to(device).train(),
        BigGANDiscriminator(
            params.discriminator_channels,
            sizes.resolution,
            sizes.classes,
            seed_for(seed, "biggan/discriminator"),
        ).to(device),
        (params.generator_learning_rate, params.discriminator_learning_rate),
        _ADAM_BETAS,
        params.weight_averaging,
    )
    game.averaged.eval()
    pixels, classes = torch.from_numpy(images).to(device), torch.from_numpy(labels).to(device)

    def update(chosen: Tensor, noise: Tensor, uniforms: Tensor, *, penalise: bool) -> Tensor:
        """Updates both networks on images `chosen` (n,) and fakes of their classes. Returns LOSSES (5,)."""
        batch_labels = classes[chosen]
        fake = generate(game.generator, noise, batch_labels, 1.0)
        fake = augment(fake, uniforms[:, :4], params.translation, params.cutout)
        real = augment(from_bytes(pixels[chosen]), uniforms[:, 4:], params.translation, params.cutout)
        penalty = 0.5 * params.gradient_penalty * params.gradient_penalty_interval
        played = game.update(real, fake, batch_labels, penalty if penalise else 0.0)
        return torch.stack([getattr(played, name) for name in LOSSES]).detach()

    ranks.own_part(budget.batch, "pretrained_networks.biggan.batch")
    updates = {
        penalise: ReplayedUpdate(partial(update, penalise=penalise), exchanges=True)
        for penalise in (True, False)
    }
    draws = _draws(seed, budget, len(images), sizes.noise_dimensions, device)
    loop = Loop(budget.steps, checkpoint, "biggan")
    loop.keep(**game.parts())
    report_every = max(1, budget.steps // _REPORTS)
    sheet_steps = {round(share * budget.steps) for share in SNAPSHOTS}
    with side_stream(device):
        for step in loop:
            drawn = [ranks.own(rows) for rows in draws(step)]
            losses = joint.mean(updates[step % params.gradient_penalty_interval == 0](*drawn))
            game.average(step)
            loop.record(**dict(zip(LOSSES, losses, strict=True)))
            if loop.every(report_every):
                loop.watch("the discriminator's loss", losses[0], DISCRIMINATOR)
                loop.add_row(step=loop.done)
            if loop.done in sheet_steps:
                _finish_average(game, params, seed, budget.batch)
                loop.snapshots.append(_sheet(game.averaged, sizes, seed, loop.done))
        _finish_average(game, params, seed, budget.batch)
    return TrainedBigGAN(game.averaged, loop.history, loop.snapshots)


@torch.no_grad()
def _finish_average(game: Game[BigGAN], params: BigGANTrainingParams, seed: int, batch: int) -> None:
    """Computes the spectral norms and batch-norm statistics of the averaged weights."""
    for own, theirs in zip(game.averaged.buffers(), game.generator.buffers(), strict=True):
        own.copy_(theirs)  # the power iteration starts from the generator's singular vectors
    settle_spectral_norms(game.averaged)
    collect_statistics(game.averaged, seed, params.statistics_batches, batch)


def _draws(
    seed: int, budget: BigGANBudget, images: int, dimensions: int, device: torch.device
) -> Callable[[int], tuple[Tensor, Tensor, Tensor]]:
    """Returns a function that draws the random inputs of a step: image numbers, noise and augmentation."""

    @lru_cache(maxsize=1)
    def block(number: int) -> list[tuple[Tensor, ...]]:
        places = (number * _STEPS_AT_ONCE * budget.batch, (number + 1) * _STEPS_AT_ONCE * budget.batch)
        chosen = torch.from_numpy(indexed_integers(seed, "biggan/images", *places, images))
        noise = truncated_noise(seed, "biggan/noise", *places, dimensions, 1.0)
        uniforms = torch.from_numpy(indexed_uniforms(seed, "biggan/augmentation", *places, 8)).float()
        moved = (torch.split(rows.to(device), budget.batch) for rows in (chosen, noise, uniforms))
        return list(zip(*moved, strict=True))

    def draw(step: int) -> tuple[Tensor, Tensor, Tensor]:
        chosen, noise, uniforms = block(step // _STEPS_AT_ONCE)[step % _STEPS_AT_ONCE]
        return chosen, noise, uniforms

    return draw


@torch.no_grad()
def _sheet(network: BigGAN, sizes: BigGANSizes, seed: int, step: int) -> dict[str, Tensor]:
    """Draws images of every class from fixed noise, and adds the step."""
    device = next(network.parameters()).device
    labels = torch.arange(sizes.classes).repeat_interleave(IMAGES_PER_CLASS)
    noise = truncated_noise(seed, "biggan/sheet", 0, len(labels), sizes.noise_dimensions, 1.0)
    drawn = generate(network, noise.to(device), labels.to(device), 1.0)
    return {"images": torch.from_numpy(to_bytes(drawn.cpu())), "step": torch.tensor(step)}
