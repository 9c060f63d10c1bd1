"""Training of the CGN and of the GAN baseline on a biased MNIST variant.

The CGN minimises lambda_adversarial * L_adversarial + lambda_binary * L_binary + lambda_mask * L_mask
(appendix C.1) + lambda_border * border prior + lambda_perceptual * Gram loss (Gatys et al. 2015; in the
released code for MNIST, off by default). The discriminator also learns to refuse mismatched images
(`mismatch_weight`), similar to the matching-aware discriminator of Reed et al. (2016), which refuses texts
that do not describe the image.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from cgn.errors import UserError
from cgn.generators.mask_losses import binary_entropy, border_loss, mask_interval_loss
from cgn.generators.mnist.adversarial import AdversarialGenerator, Fake, train_adversarially
from cgn.generators.mnist.gan import GAN, config_as_large_as_cgn
from cgn.generators.mnist.mechanisms import (
    ARRANGEMENT_DIMENSIONS,
    CGN,
    CLASSES,
    TEXTURES,
    CGNConfig,
    DigitCGN,
    inputs,
)
from cgn.generators.mnist.released import ReleasedConfig
from cgn.generators.mnist.stored import save_generator
from cgn.generators.params import AdversarialParams, CGNParams, GeneratorBudget
from cgn.io.arrays import write_arrays
from cgn.io.histories import write_history
from cgn.io.pixels import to_bytes
from cgn.networks.vgg import gram_loss
from cgn.scm import MNIST_SCM
from cgn.seeding import seed_for
from cgn.training.adversarial import Refused
from cgn.training.checkpoint import Checkpoint
from cgn.training.loop import History

# The report shows the mechanisms' outputs after these shares of the training.
SNAPSHOTS = (0.02, 0.1, 0.25, 0.5, 0.75, 1.0)
_PARTS = replace(MNIST_SCM, nodes=MNIST_SCM.nodes[:-1])  # without the composer


class TrainableCGN(CGN, AdversarialGenerator):
    """A CGN with its training losses."""

    def __init__(self, config: CGNConfig, params: CGNParams) -> None:
        super().__init__(config)
        self.params = params
        # In a list, so that VGG's weights are not registered as parameters of this module.
        self._gram_loss = [pretrained_gram_loss()] if params.lambda_perceptual > 0 else []

    def fake(self, labels: Tensor, real: Tensor, draws: torch.Generator, progress: float) -> Fake:
        """Draws images with one label for all mechanisms, as in the training data, and their losses.

        `progress`, in [0, 1), sets the mask's warm-up, the ramp of L_binary and the mismatch weight.
        """
        params, count = self.params, len(labels)
        sizes = (len(MNIST_SCM.mechanisms), count, self.noise_dimensions)
        noise = torch.randn(sizes, generator=draws).to(labels.device)
        if params.training_noise == "shared":
            noise = noise[:1].expand(sizes)
        arrangement = torch.rand(len(TEXTURES), count, ARRANGEMENT_DIMENSIONS, generator=draws)
        drawn_from = (self.mechanisms, *inputs(labels, noise, arrangement.to(labels.device)))
        given = {"shape": self.shape.start_masks(count)} if progress < params.mask_warmup else {}
        parts = _PARTS.evaluate(*drawn_from, given)
        mask = parts["shape"]
        ramp = min(1.0, progress / params.binary_warmup) if params.binary_warmup > 0 else 1.0
        losses = {
            "binary": params.lambda_binary * ramp * binary_entropy(mask),
            "mask": params.lambda_mask * mask_interval_loss(mask, *params.mask_interval),
            "border": params.lambda_border * border_loss(mask, params.border_width),
        }
        images = MNIST_SCM.evaluate(*drawn_from, parts)["composer"]
        for perceptual in self._gram_loss:
            losses["perceptual"] = params.lambda_perceptual * perceptual.to(images.device)(images, real)
        refused = None
        if any(params.mismatch_weight):
            # Masks of other images in these textures: if the classes differ, the discriminator should refuse.
            others = parts | {"shape": mask.roll(1, 0)}
            mismatched = MNIST_SCM.evaluate(*drawn_from, others)["composer"].detach()
            places = np.linspace(0, 1, len(params.mismatch_weight))
            weight = float(np.interp(progress, places, params.mismatch_weight))
            refused = Refused(mismatched, weight * (labels.roll(1) != labels))
        return Fake(images, losses, refused, mask if params.lambda_mask > 0 else None)


class TrainableGAN(GAN, AdversarialGenerator):
    """The GAN baseline. It has the adversarial loss only."""

    def fake(self, labels: Tensor, real: Tensor, draws: torch.Generator, progress: float) -> Fake:
        """Draws images of the given classes."""
        noise = torch.randn(len(labels), self.config.noise_dimensions, generator=draws)
        return Fake(self(noise.to(labels.device), labels), {})


def train_cgn(
    folder: Path,
    images: NDArray[np.uint8],
    labels: NDArray[np.uint8],
    params: CGNParams,
    adversarial: AdversarialParams,
    budget: GeneratorBudget,
    seed: int,
    checkpoint: Checkpoint,
    device: torch.device,
) -> None:
    """Trains a CGN on `images` uint8 (n, 32, 32, 3) with `labels` (n,) and writes it to `folder`.

    The folder gets the weights, history.csv (the weighted losses) and snapshots.safetensors (the mechanisms'
    outputs during training, uint8, for one fixed noise of each class).
    """
    torch.manual_seed(seed)
    sizes = (budget.width, budget.noise_dimensions, adversarial.label_dimensions)
    texture = (params.texture_shuffle, params.patch_size, params.texture_start)
    config = CGNConfig(*sizes, params.mask_start_radius, *texture)
    steps = {max(1, round(share * budget.steps)) for share in SNAPSHOTS}
    trained = train_adversarially(
        TrainableCGN(config, params), images, labels, adversarial, params.lambda_adversarial, budget,
        seed_for(seed, "draws"), checkpoint, device, lambda cgn: snapshot(cgn, seed), frozenset(steps),
    )  # fmt: skip
    write_trained(folder, trained.weights, config, trained.history, trained.snapshots, steps)


def write_trained(
    folder: Path,
    weights: dict[str, Tensor],
    config: CGNConfig | ReleasedConfig,
    history: History,
    snapshots: list[dict[str, Tensor]],  # one of `snapshot` for each of `steps`
    steps: set[int],
) -> None:
    """Writes a trained CGN to `folder`, with the files of `train_cgn`."""
    save_generator(folder, weights, config)
    write_history(folder / "history.csv", history)
    kept = {name: np.stack([one[name].numpy() for one in snapshots]) for name in snapshots[0]}
    write_arrays(folder / "snapshots.safetensors", {"steps": np.array(sorted(steps))} | kept)


def train_gan(
    folder: Path,
    images: NDArray[np.uint8],
    labels: NDArray[np.uint8],
    adversarial: AdversarialParams,
    budget: GeneratorBudget,
    seed: int,
    checkpoint: Checkpoint,
    device: torch.device,
) -> None:
    """Trains a GAN as large as the CGN of `budget`; writes weights and history.csv to `folder`."""
    torch.manual_seed(seed)
    config = config_as_large_as_cgn(budget.width, budget.noise_dimensions, adversarial.label_dimensions)
    trained = train_adversarially(
        TrainableGAN(config),
        images,
        labels,
        adversarial,
        1.0,
        budget,
        seed_for(seed, "draws"),
        checkpoint,
        device,
    )
    save_generator(folder, trained.weights, config)
    write_history(folder / "history.csv", trained.history)


def snapshot(cgn: nn.Module, seed: int) -> dict[str, Tensor]:
    """Draws mask, textures and composite of every class for fixed noise, uint8."""
    assert isinstance(cgn, DigitCGN)
    fixed = torch.Generator().manual_seed(seed_for(seed, "snapshot"))
    device = next(cgn.parameters()).device
    sizes = (len(MNIST_SCM.mechanisms), CLASSES, cgn.noise_dimensions)
    noise = torch.randn(sizes, generator=fixed).to(device)
    arrangement = torch.rand(len(TEXTURES), CLASSES, ARRANGEMENT_DIMENSIONS, generator=fixed).to(device)
    labels = torch.arange(CLASSES, device=device)
    drawn = MNIST_SCM.evaluate(cgn.mechanisms, *inputs(labels, noise, arrangement))
    maps = {
        "masks": drawn["shape"] * 2 - 1,
        "foregrounds": drawn["foreground"],
        "backgrounds": drawn["background"],
        "composites": drawn["composer"],
    }
    maps_as_bytes = {name: torch.from_numpy(to_bytes(images)) for name, images in maps.items()}
    maps_as_bytes["masks"] = maps_as_bytes["masks"][..., 0].contiguous()
    return maps_as_bytes


_TAPS = (3, 8, 15, 22)  # the ReLUs before the first four max-pools, in VGG16's `features`


class GramLoss(nn.Module):
    """The L1 distance of the mean Gram matrices of two batches of images (n, 3, h, w) in [-1, 1]."""

    def __init__(self, features: nn.Sequential) -> None:
        super().__init__()
        self.features = features[: _TAPS[-1] + 1].eval().requires_grad_(False)

    def forward(self, images: Tensor, reference: Tensor) -> Tensor:
        """The sum of the distances over the four taps."""
        return gram_loss(self._taps(images), self._taps(reference), [1.0] * len(_TAPS), of_batch=True)

    def _taps(self, x: Tensor) -> list[Tensor]:
        taps = []
        for index, layer in enumerate(self.features):
            x = layer(x)
            if index in _TAPS:
                taps.append(x)
        return taps


def pretrained_gram_loss() -> GramLoss:
    """A GramLoss with torchvision's VGG16, downloaded once. Raises UserError when the download fails."""
    from cgn.networks.published import torchvision_network  # late: torchvision takes 2 s

    try:
        network, _ = torchvision_network("vgg16")
    except UserError as error:
        raise UserError(f"params.yaml: mnist.cgn.lambda_perceptual needs VGG16, but {error}") from None
    features = network.get_submodule("features")
    assert isinstance(features, nn.Sequential)
    return GramLoss(features)
