"""Training of a small BigGAN on a world's images: frozen, it then plays the part of the published one.

Noise, images and augmentation of every step follow from the seed and the step's number, so that nothing but
weights and optimizers has to be kept for a run that is cut off.
"""

import logging
from collections.abc import Iterator
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from pytorch_pretrained_biggan import BigGAN
from torch import Tensor
from torch.nn import functional
from tqdm import tqdm

from cgn.io.pixels import from_bytes, to_bytes
from cgn.networks.biggan import (
    BigGANSizes,
    build_biggan,
    generate,
    settle_spectral_norms,
    truncated_noise,
)
from cgn.networks.biggan_discriminator import BigGANDiscriminator, augment
from cgn.networks.biggan_statistics import collect_statistics
from cgn.params.imagenet import BigGANBudget, BigGANTrainingParams
from cgn.seeding import indexed_integers, indexed_uniforms, seed_for
from cgn.training.checkpoint import Checkpoint
from cgn.training.cuda_graphs import ReplayedUpdate, side_stream
from cgn.training.optimizers import Adam

# Shares of the training after which the fixed-noise sheet is drawn.
SNAPSHOTS = (0.05, 0.2, 0.5, 1.0)
IMAGES_PER_CLASS = 8  # of a sheet
LOSSES = ("discriminator", "generator", "gradient_penalty", "real_logit", "fake_logit")
_REPORTS = 100  # rows of the history, about
_STEPS_AT_ONCE = 50  # whose random numbers are drawn together
_ADAM_BETAS = (0.0, 0.99)

log = logging.getLogger(__name__)


class TrainedBigGAN(NamedTuple):
    network: BigGAN  # its weights averaged over training, in evaluation mode, with statistics
    history: list[dict[str, float]]  # "step" and LOSSES, means since the row before
    snapshots: list[
        dict[str, Tensor]
    ]  # "images" uint8 (classes * 8, r, r, 3), a class after the other; "step"


class _Players:
    """Generator, discriminator and the average of the generator, with one update of them all."""

    def __init__(
        self,
        images: Tensor,
        labels: Tensor,
        sizes: BigGANSizes,
        params: BigGANTrainingParams,
        seed: int,
    ) -> None:
        device = images.device
        self.images, self.labels, self.params = images, labels, params
        self.generator = build_biggan(sizes, seed_for(seed, "biggan/generator")).to(device).train()
        self.averaged = build_biggan(sizes, seed_for(seed, "biggan/generator")).to(device)
        self.averaged.eval().requires_grad_(False)
        self.discriminator = BigGANDiscriminator(
            params.discriminator_channels,
            sizes.resolution,
            sizes.classes,
            seed_for(seed, "biggan/discriminator"),
        ).to(device)

        def adam(network: torch.nn.Module, rate: float) -> Adam:
            on_gpu = device.type == "cuda"
            return Adam(network.parameters(), rate, _ADAM_BETAS, fused=True, capturable=on_gpu)

        self.optimizer_g = adam(self.generator, params.generator_learning_rate)
        self.optimizer_d = adam(self.discriminator, params.discriminator_learning_rate)
        self.parts: dict[str, Any] = {
            "generator": self.generator,
            "averaged": self.averaged,
            "discriminator": self.discriminator,
            "optimizer_g": self.optimizer_g,
            "optimizer_d": self.optimizer_d,
        }

    def update(self, chosen: Tensor, noise: Tensor, uniforms: Tensor, *, penalise: bool) -> Tensor:
        """One step of both players on the images `chosen` (n,) and fakes of their classes; LOSSES, (5,)."""
        params, discriminator = self.params, self.discriminator
        labels = self.labels[chosen]
        fake = generate(self.generator, noise, labels, 1.0)
        fake = augment(fake, uniforms[:, :4], params.translation, params.cutout)
        real = from_bytes(self.images[chosen])
        real = augment(real, uniforms[:, 4:], params.translation, params.cutout).requires_grad_(penalise)

        # Discriminator step (non-saturating logistic loss), with a lazy R1 penalty (Mescheder et al. 2018).
        discriminator.requires_grad_(True)
        logits = discriminator(torch.cat([real, fake.detach()]), labels.repeat(2), groups=2)
        real_logits, fake_logits = logits.chunk(2)
        loss_d = functional.softplus(-real_logits).mean() + functional.softplus(fake_logits).mean()
        penalty = torch.zeros_like(loss_d)
        if penalise:
            (slope,) = torch.autograd.grad(real_logits.sum(), real, create_graph=True)
            weight = 0.5 * params.gradient_penalty * params.gradient_penalty_interval
            penalty = weight * slope.square().sum(dim=(1, 2, 3)).mean()
        self.optimizer_d.zero_grad()
        torch.autograd.backward(loss_d + penalty)
        self.optimizer_d.step()

        # Generator step on the same fakes.
        discriminator.requires_grad_(False)
        loss_g = functional.softplus(-discriminator(fake, labels)).mean()
        self.optimizer_g.zero_grad()
        torch.autograd.backward(loss_g)
        self.optimizer_g.step()
        return torch.stack([loss_d, loss_g, penalty, real_logits.mean(), fake_logits.mean()]).detach()

    @torch.no_grad()
    def average(self, memory: float) -> None:
        """Let the averaged weights follow those of the generator."""
        torch._foreach_lerp_(list(self.averaged.parameters()), list(self.generator.parameters()), 1 - memory)

    @torch.no_grad()
    def finish_average(self, seed: int, batch: int) -> None:
        """Give the averaged weights the largest singular values and statistics that belong to them."""
        for own, theirs in zip(self.averaged.buffers(), self.generator.buffers(), strict=True):
            own.copy_(theirs)  # singular vectors to start from
        settle_spectral_norms(self.averaged)
        collect_statistics(self.averaged, seed, self.params.statistics_batches, batch)


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
    """Train a generator of `sizes` on images (n, r, r, 3) with labels (n,), r the generator's resolution.

    On the CPU a function of the arguments, to the byte. On CUDA updates are recorded and replayed.
    """
    players = _Players(
        torch.from_numpy(images).to(device), torch.from_numpy(labels).to(device), sizes, params, seed
    )
    updates = {
        penalise: ReplayedUpdate(partial(players.update, penalise=penalise)) for penalise in (True, False)
    }
    history: list[dict[str, float]] = []
    snapshots: list[dict[str, Tensor]] = []
    sums = torch.zeros(len(LOSSES), device=device)  # of what the next row of the history reports
    first_step = 0

    resumed = checkpoint.load()
    if resumed is not None:
        for name, part in players.parts.items():
            part.load_state_dict(resumed[name])
        history, snapshots, first_step = resumed["history"], resumed["snapshots"], resumed["step"]
        sums.copy_(resumed["sums"])
        log.info("resuming at step %d of %d from %s", first_step, budget.steps, checkpoint.path)

    def state(step: int) -> dict[str, Any]:
        kept = {name: part.state_dict() for name, part in players.parts.items()}
        return kept | {"history": history, "snapshots": snapshots, "sums": sums, "step": step}

    report_every = max(1, budget.steps // _REPORTS)
    sheet_steps = {round(share * budget.steps) for share in SNAPSHOTS}
    draws = _draws(seed, first_step, budget, len(images), sizes.noise_dimensions, device)
    with side_stream(device):
        bar = tqdm(draws, initial=first_step, total=budget.steps, unit="step")
        for step, draw in enumerate(bar, start=first_step):
            checkpoint.save_if_due(partial(state, step))
            sums += updates[step % params.gradient_penalty_interval == 0](*draw)
            players.average(min(params.weight_averaging, (1 + step) / (10 + step)))

            done = step + 1
            if done % report_every == 0 or done == budget.steps:
                steps = done - (int(history[-1]["step"]) if history else 0)
                means = (sums / steps).tolist()
                history.append({"step": float(done)} | dict(zip(LOSSES, means, strict=True)))
                sums.zero_()
            if done in sheet_steps:
                players.finish_average(seed, budget.batch)
                snapshots.append(_sheet(players.averaged, sizes, seed, done))
        players.finish_average(seed, budget.batch)
    return TrainedBigGAN(players.averaged, history, snapshots)


def _draws(
    seed: int, first_step: int, budget: BigGANBudget, images: int, dimensions: int, device: torch.device
) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """The numbers of the images, the noise and the augmentation of each step from `first_step` on."""
    for start in range(first_step, budget.steps, _STEPS_AT_ONCE):
        places = (start * budget.batch, min(start + _STEPS_AT_ONCE, budget.steps) * budget.batch)
        chosen = torch.from_numpy(indexed_integers(seed, "biggan/images", *places, images))
        noise = truncated_noise(seed, "biggan/noise", *places, dimensions, 1.0)
        uniforms = torch.from_numpy(indexed_uniforms(seed, "biggan/augmentation", *places, 8)).float()
        moved = (torch.split(rows.to(device), budget.batch) for rows in (chosen, noise, uniforms))
        yield from zip(*moved, strict=True)


@torch.no_grad()
def _sheet(network: BigGAN, sizes: BigGANSizes, seed: int, step: int) -> dict[str, Tensor]:
    """Images of one fixed noise for every class, and the step."""
    device = next(network.parameters()).device
    labels = torch.arange(sizes.classes).repeat_interleave(IMAGES_PER_CLASS)
    noise = truncated_noise(seed, "biggan/sheet", 0, len(labels), sizes.noise_dimensions, 1.0)
    drawn = generate(network, noise.to(device), labels.to(device), 1.0)
    return {"images": torch.from_numpy(to_bytes(drawn.cpu())), "step": torch.tensor(step)}
