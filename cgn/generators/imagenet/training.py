"""Training of the ImageNet CGN, on images of a frozen conditional GAN only (section 3.1, appendix C.2).


Noise and class of an image are a function of the seed and the image's number, so a checkpoint needs weights
and optimizer only. Snapshots record a sheet with fixed noise, and an Inception Score.
"""

import logging
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import torch
from pytorch_pretrained_biggan import BigGAN
from torch import Tensor, nn

from cgn import ranks
from cgn.generators.imagenet.losses import Losses, cgn_losses, gradient_shares
from cgn.generators.imagenet.mechanisms import ImageNetCGN, Outputs
from cgn.generators.imagenet.patches import draw_ranks
from cgn.generators.params import ImageNetCGNBudget, ImageNetCGNParams
from cgn.io.pixels import to_bytes
from cgn.metrics.inception_score import inception_score
from cgn.metrics.masks import MASK_MEAN
from cgn.networks.biggan import generate, truncated_noise
from cgn.networks.vgg import PerceptualFeatures
from cgn.seeding import indexed_integers, seed_for
from cgn.training import joint
from cgn.training.checkpoint import Checkpoint
from cgn.training.device import ReplayedUpdate, side_stream
from cgn.training.loop import History, Loop
from cgn.training.optimizers import Adam

_REPORTS = 100  # rows of the history, approximately
_SCORED = 25  # the score of a snapshot is of so many training batches of composites

log = logging.getLogger(__name__)


class Batch(NamedTuple):
    """The random inputs of a training batch, on the device of the generators."""

    noise: Tensor  # (n, dimensions)
    labels: Tensor  # (n,)
    ranks: Tensor  # of the patches, from `draw_ranks`


class TrainedCGN(NamedTuple):
    """The records of a training."""

    history: History  # the weighted losses and mask_mean, averaged since the previous row
    gradient_shares: dict[str, dict[str, float]]  # of each loss, by mechanism, before the first update
    snapshots: list[dict[str, Tensor]]  # the results of `snapshot`, at `SNAPSHOTS`


def train_cgn(
    cgn: ImageNetCGN,
    cgan: BigGAN,  # frozen; draws x_gt
    features: PerceptualFeatures,
    judge: nn.Module,  # maps images to logits; for the scores of snapshots only
    params: ImageNetCGNParams,
    budget: ImageNetCGNBudget,
    seed: int,
    checkpoint: Checkpoint,
) -> TrainedCGN:
    """Trains the networks of `cgn` in place with Adam, `budget.accumulation` batches for each update.

    The gradient is the mean over those batches (the released code sums them), which are dealt out to the
    ranks. On CUDA the computation of a batch is recorded and replayed.
    """
    rates = params.learning_rates.model_dump() | {"refinement": params.refinement.learning_rate}
    optimizer = Adam(
        [{"params": list(network.parameters()), "lr": rates[name]} for name, network in cgn.trained.items()],
        betas=(0.5, 0.999),
    )
    cgan.eval().requires_grad_(False)
    device = next(cgn.parameters()).device
    shares: dict[str, dict[str, float]] = {}
    loop = Loop(budget.steps, checkpoint, "cgn")
    loop.keep(generators=cgn.trained, optimizer=optimizer)
    loop.keep_value("shares", lambda: shares, shares.update)

    accumulate = ReplayedUpdate(partial(accumulate_gradients, cgn, cgan, features, params, budget))
    reported = [*(name for name, weight in params.lambdas().items() if weight), "mask_mean"]
    report_every = max(1, budget.steps // _REPORTS)
    snapshot_steps = {round(share * budget.steps) for share in SNAPSHOTS}
    scored = _SCORED * budget.batch
    with side_stream(device):
        for step in loop:
            if step == 0:
                loop.snapshots.append(snapshot(cgn, judge, scored, seed, 0))
                first = draw_batch(cgn, params, budget, seed, 0)
                losses = batch_losses(cgn, cgan, features, params, budget, *first)[1]
                shares.update(_gradient_shares(cgn, losses))

            for values in update_gradients(cgn, accumulate, params, budget, seed, step):
                loop.record(**dict(zip(reported, values, strict=True)))
            optimizer.step()
            optimizer.zero_grad(set_to_none=False)  # a replay needs gradients at the same place in memory

            if loop.every(report_every):
                if params.lambda_mask > 0:  # without it a collapse is what an ablation shows
                    loop.watch("the mean of the masks", values[-1], MASK_MEAN)
                loop.add_row(step=loop.done)
            if loop.done in snapshot_steps:
                loop.snapshots.append(snapshot(cgn, judge, scored, seed, loop.done))
    return TrainedCGN(loop.history, shares, loop.snapshots)


def update_gradients(
    cgn: ImageNetCGN,
    accumulate: Callable[..., Tensor],  # of a `Batch`, as `accumulate_gradients`
    params: ImageNetCGNParams,
    budget: ImageNetCGNBudget,
    seed: int,
    step: int,
) -> list[Tensor]:
    """Adds the gradients of all batches of an update. Returns the values of each batch, float64.

    Each rank takes batches by their number; then the ranks add their gradients.
    """
    values = []
    for part in ranks.own(range(budget.accumulation)):
        batch = draw_batch(cgn, params, budget, seed, step * budget.accumulation + part)
        values.append(accumulate(*batch).double())
    if ranks.count() == 1:
        return values
    joint.reduce_gradients(cgn.trained.parameters(), "sum")
    return ranks.gathered([of_batch.cpu() for of_batch in values])


def accumulate_gradients(
    cgn: ImageNetCGN,
    cgan: BigGAN,
    features: PerceptualFeatures,
    params: ImageNetCGNParams,
    budget: ImageNetCGNBudget,
    noise: Tensor,
    labels: Tensor,
    patch_ranks: Tensor,
) -> Tensor:
    """Adds the gradients of a batch to the update's. Returns its losses and the mask's mean, float32."""
    outputs, losses = batch_losses(cgn, cgan, features, params, budget, noise, labels, patch_ranks)
    values = torch.stack(list(losses.values()))
    torch.autograd.backward(values.sum() / budget.accumulation)
    return torch.cat([values.detach(), outputs.mask.detach().mean()[None]])


def batch_losses(
    cgn: ImageNetCGN,
    cgan: BigGAN,
    features: PerceptualFeatures,
    params: ImageNetCGNParams,
    budget: ImageNetCGNBudget,
    noise: Tensor,
    labels: Tensor,
    patch_ranks: Tensor,
) -> tuple[Outputs, Losses]:
    """Draws the outputs for a `Batch`, and computes its losses.

    x_gt and the mechanisms have the same noise and labels. With `budget.precision` bf16 the networks compute
    in bfloat16; images, Gram matrices and losses stay in float32.
    """
    with torch.autocast(noise.device.type, torch.bfloat16, enabled=budget.precision == "bf16"):
        with torch.no_grad():
            reference = generate(cgan, noise, labels, cgn.truncation)
        outputs = cgn.together(noise, labels)
        return outputs, cgn_losses(outputs, reference, features, cgn.saliency, params, patch_ranks)


def draw_batch(
    cgn: ImageNetCGN, params: ImageNetCGNParams, budget: ImageNetCGNBudget, seed: int, number: int
) -> Batch:
    """Draws training batch `number` (from 0) from `seed`. Raises ValueError as `draw_ranks`."""
    device = next(cgn.parameters()).device
    places = (number * budget.batch, (number + 1) * budget.batch)
    noise = truncated_noise(seed, "cgn/noise", *places, cgn.sizes.noise_dimensions, cgn.truncation)
    labels = indexed_integers(seed, "cgn/labels", *places, cgn.sizes.classes)
    draws = torch.Generator().manual_seed(seed_for(seed, "patches", number))
    patches = (params.patch_size, params.patch_grid, params.patch_candidates)
    patch_ranks = draw_ranks(budget.batch, cgn.sizes.resolution, *patches, draws)
    return Batch(noise.to(device), torch.from_numpy(labels).to(device), patch_ranks.to(device))


def _gradient_shares(cgn: ImageNetCGN, losses: Losses) -> dict[str, dict[str, float]]:
    """Computes and logs `gradient_shares` of each network that learns."""
    shares = {}
    for name, network in cgn.trained.items():
        shares[name] = gradient_shares(losses, list(network.parameters()))
        listed = ", ".join(f"{loss} {part:.1%}" for loss, part in shares[name].items())
        log.info("gradient of %s at the start: %s", name, listed)
    return shares


# A snapshot is taken after these shares of the training.
SNAPSHOTS = (0.0, 0.05, 0.1, 0.2, 0.4, 0.7, 1.0)
SHEET_CLASSES = 9  # at most
_BATCH = 20  # composites at once


def snapshot(cgn: ImageNetCGN, judge: nn.Module, scored: int, seed: int, step: int) -> dict[str, Tensor]:
    """Draws all outputs for fixed noise and up to nine classes, uint8 (classes, r, r, 3), by name.

    Also returns `step`, and `inception_score`, that of `scored` composites under `judge`, which maps images
    (n, 3, r, r) in [-1, 1] to logits. The score of so few images is biased; compare it within one training
    only.
    """
    labels = torch.arange(min(SHEET_CLASSES, cgn.sizes.classes))
    outputs = _outputs(cgn, seed, "cgn/sheet", 0, labels)
    images = outputs._replace(mask=(outputs.mask * 2 - 1).expand_as(outputs.premask))
    sheet = {name: torch.from_numpy(to_bytes(image.cpu())) for name, image in images._asdict().items()}
    score = torch.tensor(_score(cgn, judge, scored, seed), dtype=torch.float32)
    return sheet | {"step": torch.tensor(step), "inception_score": score}


def _score(cgn: ImageNetCGN, judge: nn.Module, scored: int, seed: int) -> float:
    probabilities = []
    for start in range(0, scored, _BATCH):
        stop = min(start + _BATCH, scored)
        labels = indexed_integers(seed, "cgn/monitor/labels", start, stop, cgn.sizes.classes)
        outputs = _outputs(cgn, seed, "cgn/monitor/noise", start, torch.from_numpy(labels))
        with torch.no_grad():
            probabilities.append(judge(outputs.composite).softmax(dim=1).cpu())
    return inception_score(torch.cat(probabilities).numpy(), splits=1)


@torch.no_grad()
def _outputs(cgn: ImageNetCGN, seed: int, name: str, start: int, labels: Tensor) -> Outputs:
    device = next(cgn.parameters()).device
    stop, dimensions = start + len(labels), cgn.sizes.noise_dimensions
    noise = truncated_noise(seed, name, start, stop, dimensions, cgn.truncation)
    outputs: Outputs = cgn.together(noise.to(device), labels.to(device))
    return outputs
