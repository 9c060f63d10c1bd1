"""Trains the MNIST CGN as the paper describes it and, where it is silent, as its released code does.

Nothing of docs/deviations.md is in it. From the paper: L_binary, L_mask with tau = 0.1 ("in all experiments",
appendix C.1), a layer that permutes patches of textures, one noise for all mechanisms in training, and no
pre-trained network (section 4.1; the released code has a Gram loss with VGG16). From the released code
(mnists/train_cgn.py and the three cfg.yaml there): networks, least squares, Adam, batches and weights.
"""

from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from cgn.data.sources import FixedImages, Images
from cgn.generators.mask_losses import binary_entropy, mask_interval_loss
from cgn.generators.mnist.mechanisms import ARRANGEMENT_DIMENSIONS, CLASSES, TEXTURES, inputs
from cgn.generators.mnist.released import ReleasedCGN, ReleasedConfig
from cgn.generators.mnist.training import SNAPSHOTS, snapshot, write_trained
from cgn.generators.params import GeneratorBudget
from cgn.io.pixels import from_bytes
from cgn.networks.released_discriminators import ConvolutionalDiscriminator, LinearDiscriminator
from cgn.scm import MNIST_SCM
from cgn.seeding import seed_for
from cgn.training.checkpoint import Checkpoint
from cgn.training.loop import Loop
from cgn.training.optimizers import Adam

_LEARNING_RATE, _BETAS = 2e-4, (0.5, 0.999)
_TAU = 0.1
# The released code has no L_mask on MNIST, and the paper no weight of it: the ratio of its ImageNet weights.
_MASK_TO_BINARY = 500 / 300
_PATCH_SIZE = 8  # not stated
_REPORT_EVERY = 50


class _Configuration(NamedTuple):
    """What differs between the released cfg.yaml of the variants."""

    lambda_binary: float
    discriminator: Literal["linear", "convolutional"]
    discriminator_width: int
    start: Literal["orthogonal", "normal"]  # of the generator's linear and convolutional weights
    gain: float


_CONFIGURATIONS = {
    "colored_mnist": _Configuration(0.1, "linear", 512, "orthogonal", 0.1),
    "double_colored_mnist": _Configuration(0.3, "linear", 512, "orthogonal", 0.2),
    "wildlife_mnist": _Configuration(0.3, "convolutional", 32, "normal", 0.03),
}


def train_faithful_cgn(
    folder: Path,
    variant: str,
    images: NDArray[np.uint8],
    labels: NDArray[np.uint8],
    budget: GeneratorBudget,  # its discriminator_width does not count
    seed: int,
    checkpoint: Checkpoint,
    device: torch.device,
) -> None:
    """Trains a `ReleasedCGN` on `images` uint8 (n, 32, 32, 3) with `labels` (n,) and writes it to `folder`.

    The folder gets the files of `cgn.generators.mnist.training.train_cgn`; the weights are the last ones.
    """
    torch.manual_seed(seed)
    own = _CONFIGURATIONS[variant]
    cgn = ReleasedCGN(ReleasedConfig(budget.width, budget.noise_dimensions, "permute", _PATCH_SIZE))
    _initialise(cgn, own.start, own.gain)
    discriminator: nn.Module
    if own.discriminator == "linear":
        discriminator = LinearDiscriminator(own.discriminator_width, CLASSES)
    else:
        discriminator = ConvolutionalDiscriminator(own.discriminator_width, CLASSES)
        _initialise(discriminator, "normal", 0.02)
    cgn.to(device)
    discriminator.to(device)
    optimizer_g = Adam(cgn.parameters(), _LEARNING_RATE, _BETAS)
    optimizer_d = Adam(discriminator.parameters(), _LEARNING_RATE, _BETAS)
    draws = torch.Generator().manual_seed(seed_for(seed, "draws"))
    source = FixedImages(Images(images, labels), budget.batch, seed, variant, "faithful")
    loop = Loop(budget.steps, checkpoint, "generator")
    loop.keep(cgn=cgn, discriminator=discriminator, optimizer_g=optimizer_g, optimizer_d=optimizer_d)
    loop.keep_value("draws", draws.get_state, draws.set_state)
    loop.keep_value("dropout", torch.get_rng_state, torch.set_rng_state)
    if device.type == "cuda":
        loop.keep_value("dropout on the GPU", torch.cuda.get_rng_state, torch.cuda.set_rng_state)
    snapshot_steps = {max(1, round(share * budget.steps)) for share in SNAPSHOTS}
    for step in loop:
        (minibatch,) = source.minibatches(step)
        real, real_labels = from_bytes(minibatch.images.to(device)), minibatch.labels.to(device)
        fake_labels = torch.randint(CLASSES, (budget.batch,), generator=draws).to(device)

        mask, fake = _drawn(cgn, fake_labels, draws)
        losses = {
            "adversarial": _distance(discriminator(fake, fake_labels), 1.0),
            "binary": own.lambda_binary * binary_entropy(mask),
            "mask": own.lambda_binary * _MASK_TO_BINARY * mask_interval_loss(mask, _TAU, 1 - _TAU),
        }
        optimizer_g.zero_grad()
        torch.autograd.backward(torch.stack([*losses.values()]).sum())
        optimizer_g.step()

        on_real = _distance(discriminator(real, real_labels), 1.0)
        on_fake = _distance(discriminator(fake.detach(), fake_labels), 0.0)
        loss_d = (on_real + on_fake) / 2
        optimizer_d.zero_grad()
        torch.autograd.backward(loss_d)
        optimizer_d.step()

        loop.record(discriminator=loss_d, **losses)
        if loop.every(_REPORT_EVERY):
            loop.add_row(step=loop.done)
        if loop.done in snapshot_steps:
            cgn.eval()
            with torch.no_grad():
                loop.snapshots.append(snapshot(cgn, seed))
            cgn.train()
    write_trained(folder, cgn.state_dict(), cgn.config, loop.history, loop.snapshots, snapshot_steps)


def _drawn(cgn: ReleasedCGN, labels: Tensor, draws: torch.Generator) -> tuple[Tensor, Tensor]:
    """Masks and composites with one label and one noise for all mechanisms, as in the training data."""
    count, device = len(labels), labels.device
    noise = torch.randn(count, cgn.noise_dimensions, generator=draws).to(device)
    arrangement = torch.rand(len(TEXTURES), count, ARRANGEMENT_DIMENSIONS, generator=draws).to(device)
    vectors = noise.expand(len(MNIST_SCM.mechanisms), -1, -1)
    drawn = MNIST_SCM.evaluate(cgn.mechanisms, *inputs(labels, vectors, arrangement))
    return drawn["shape"], drawn["composer"]


def _distance(validity: Tensor, wanted: float) -> Tensor:
    """The least-squares loss (Mao et al. 2017)."""
    return functional.mse_loss(validity, torch.full_like(validity, wanted))


@torch.no_grad()
def _initialise(network: nn.Module, start: Literal["orthogonal", "normal"], gain: float) -> None:
    """Draws the weights of linear layers, convolutions and their batch norms, as the released code."""
    for module in network.modules():
        if isinstance(module, nn.Linear | nn.Conv2d):
            if start == "orthogonal":
                nn.init.orthogonal_(module.weight, gain)
            else:
                nn.init.normal_(module.weight, 0.0, gain)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight, 1.0, gain)
            nn.init.zeros_(module.bias)
