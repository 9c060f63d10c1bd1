"""Training of the ImageNet CGN (section 3.2, appendix C.2): no data, only a frozen conditional GAN's images.

Noise and classes of every image follow from the seed and the image's number, so that nothing but weights and
optimizer has to be kept for a run that is cut off.
"""

import logging
from functools import partial
from typing import Any, NamedTuple

import torch
from pytorch_pretrained_biggan import BigGAN
from torch import Tensor
from tqdm import tqdm

from cgn.common.checkpoint import Checkpoint
from cgn.common.optimizers import Adam
from cgn.common.pixels import to_bytes
from cgn.common.seeding import indexed_integers, seed_for
from cgn.imagenet.generators.losses import Losses, cgn_losses, gradient_shares
from cgn.imagenet.generators.mechanisms import ImageNetCGN, Outputs
from cgn.imagenet.networks.biggan import generate, truncated_noise
from cgn.imagenet.networks.perceptual import PerceptualFeatures
from cgn.params.imagenet import ImageNetCGNBudget, ImageNetCGNParams
from cgn.scm import IMAGENET_SCM

# Shares of the training after which the fixed-noise sheet is drawn.
SNAPSHOTS = (0.0, 0.05, 0.1, 0.2, 0.4, 0.7, 1.0)
_REPORTS = 100  # rows of the history, about

log = logging.getLogger(__name__)


class TrainedCGN(NamedTuple):
    history: list[dict[str, float]]  # the weighted losses and mask_mean, means since the row before
    gradient_shares: dict[str, dict[str, float]]  # of each loss, by mechanism, before the first update
    snapshots: list[dict[str, Tensor]]  # by output, uint8; with "step"


def train_cgn(
    cgn: ImageNetCGN,
    cgan: BigGAN,  # frozen; draws x_gt
    features: PerceptualFeatures,
    params: ImageNetCGNParams,
    budget: ImageNetCGNBudget,
    seed: int,
    checkpoint: Checkpoint,
) -> TrainedCGN:
    """Train the three generators of `cgn` in place, by Adam, `budget.accumulation` batches an update.

    The gradient is the mean over those batches (the released code sums them).
    """
    names = IMAGENET_SCM.mechanisms
    rates = params.learning_rates
    optimizer = Adam(
        [{"params": list(cgn.generators[name].parameters()), "lr": getattr(rates, name)} for name in names],
        betas=(0.5, 0.999),
    )
    cgan.eval().requires_grad_(False)
    history: list[dict[str, float]] = []
    snapshots: list[dict[str, Tensor]] = []
    shares: dict[str, dict[str, float]] = {}
    sums: dict[str, Tensor] = {}  # of what the next row reports; on the device, which nothing waits for
    first_step = 0

    resumed = checkpoint.load()
    if resumed is not None:
        cgn.generators.load_state_dict(resumed["generators"])
        optimizer.load_state_dict(resumed["optimizer"])
        history, snapshots, shares = resumed["history"], resumed["snapshots"], resumed["shares"]
        sums, first_step = resumed["sums"], resumed["step"]
        log.info("resuming at step %d of %d from %s", first_step, budget.steps, checkpoint.path)

    def state(step: int) -> dict[str, Any]:
        kept = {"generators": cgn.generators.state_dict(), "optimizer": optimizer.state_dict()}
        reports = {"history": history, "snapshots": snapshots, "shares": shares, "sums": sums}
        return kept | reports | {"step": step}

    report_every = max(1, budget.steps // _REPORTS)
    sheet_steps = {round(share * budget.steps) for share in SNAPSHOTS}
    for step in tqdm(range(first_step, budget.steps), initial=first_step, total=budget.steps, unit="step"):
        checkpoint.save_if_due(partial(state, step))
        if step == 0:
            snapshots.append(_sheet(cgn, seed, 0))

        for part in range(budget.accumulation):
            number = step * budget.accumulation + part
            outputs, losses = batch_losses(cgn, cgan, features, params, budget, seed, number)
            if number == 0:
                shares = {
                    name: gradient_shares(losses, list(cgn.generators[name].parameters())) for name in names
                }
                for name, share in shares.items():
                    listed = ", ".join(f"{loss} {part:.1%}" for loss, part in share.items())
                    log.info("gradient of %s at the start: %s", name, listed)

            # Accumulate their gradients.
            torch.autograd.backward(torch.stack(list(losses.values())).sum() / budget.accumulation)
            for name, value in (losses | {"mask_mean": outputs.mask.mean()}).items():
                value = value.detach().double()
                sums[name] = sums[name] + value if name in sums else value

        optimizer.step()
        optimizer.zero_grad()

        done = step + 1
        if done % report_every == 0 or done == budget.steps:
            batches = (done - (int(history[-1]["step"]) if history else 0)) * budget.accumulation
            history.append(
                {"step": float(done)} | {name: total.item() / batches for name, total in sums.items()}
            )
            sums.clear()
        if done in sheet_steps:
            snapshots.append(_sheet(cgn, seed, done))
    return TrainedCGN(history, shares, snapshots)


def batch_losses(
    cgn: ImageNetCGN,
    cgan: BigGAN,
    features: PerceptualFeatures,
    params: ImageNetCGNParams,
    budget: ImageNetCGNBudget,
    seed: int,
    number: int,
) -> tuple[Outputs, Losses]:
    """What the mechanisms draw for the training batch `number` (from 0), and its losses.

    x_gt and the mechanisms have the same noise and classes. With `budget.precision` bf16 the networks compute
    in bfloat16; images, Gram matrices and losses stay in float32.
    """
    noise, labels = _batch(cgn, seed, number * budget.batch, (number + 1) * budget.batch)
    draws = torch.Generator().manual_seed(seed_for(seed, "patches", number))
    with torch.autocast(noise.device.type, torch.bfloat16, enabled=budget.precision == "bf16"):
        with torch.no_grad():
            reference = generate(cgan, noise, labels, cgn.truncation)
        outputs = cgn.together(noise, labels)
        return outputs, cgn_losses(outputs, reference, features, cgn.saliency, params, draws)


def _batch(cgn: ImageNetCGN, seed: int, start: int, stop: int) -> tuple[Tensor, Tensor]:
    """Noise and classes of the training images `start..stop`, on the device of the generators."""
    device = next(cgn.parameters()).device
    noise = truncated_noise(seed, "cgn/noise", start, stop, cgn.sizes.noise_dimensions, cgn.truncation)
    labels = indexed_integers(seed, "cgn/labels", start, stop, cgn.sizes.classes)
    return noise.to(device), torch.from_numpy(labels).to(device)


@torch.no_grad()
def _sheet(cgn: ImageNetCGN, seed: int, step: int) -> dict[str, Tensor]:
    """All outputs for one fixed noise of up to nine classes, uint8 (classes, r, r, 3), and the step."""
    labels = torch.arange(min(9, cgn.sizes.classes))
    dimensions = cgn.sizes.noise_dimensions
    noise = truncated_noise(seed, "cgn/sheet", 0, len(labels), dimensions, cgn.truncation)
    device = next(cgn.parameters()).device
    outputs: Outputs = cgn.together(noise.to(device), labels.to(device))
    images = outputs._replace(mask=(outputs.mask * 2 - 1).expand_as(outputs.premask))
    sheet = {name: torch.from_numpy(to_bytes(image.cpu())) for name, image in images._asdict().items()}
    return sheet | {"step": torch.tensor(step)}
