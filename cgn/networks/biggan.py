"""BigGAN-deep (Brock et al. 2019): the generator of `pytorch-pretrained-biggan`, of any size and trainable.

The package's batch norm holds statistics for several truncations (0 to 1) but never updates them, so a
generator cannot be trained from scratch. `BatchNorm` here does. The state dict has the package's names.
"""

from pathlib import Path
from typing import NamedTuple

import torch
from pytorch_pretrained_biggan import BigGAN, BigGANConfig
from pytorch_pretrained_biggan.model import BigGANBatchNorm, GenBlock, Generator, snlinear
from torch import Tensor
from torch.nn import functional
from torch.nn.utils.spectral_norm import SpectralNorm

from cgn.io.weights import load_weights, read_state_dict
from cgn.seeding import indexed_integers, indexed_uniforms

TRUNCATED_AT = 2.0  # standard deviations
POWER_ITERATIONS = 15  # for the spectral norms of new or averaged weights


class BigGANSizes(NamedTuple):
    """The sizes of a generator.

    `layers` are (doubles the resolution?, input, output channels in units of `width`). Channels go from 16
    down to 1, at most halved by a layer. Self-attention comes before layer `attention_position`. The first
    map has `start` pixels squared. Batch norms hold statistics for `truncations` equally spaced truncations
    from 0 to 1.
    """

    classes: int
    noise_dimensions: int
    width: int
    layers: tuple[tuple[bool, int, int], ...]
    attention_position: int
    start: int = 4
    truncations: int = 51

    @property
    def resolution(self) -> int:
        """Height and width of the images in pixels."""
        return int(self.start * 2 ** sum(doubles for doubles, _, _ in self.layers))


def _layers(*steps: tuple[int, int]) -> tuple[tuple[bool, int, int], ...]:
    """Puts a layer that keeps resolution and channels before each doubling layer, as published."""
    return tuple(layer for i, o in steps for layer in ((False, i, i), (True, i, o)))


BIGGAN_DEEP_128 = BigGANSizes(
    classes=1000,
    noise_dimensions=128,
    width=128,
    layers=_layers((16, 16), (16, 8), (8, 4), (4, 2), (2, 1)),
    attention_position=8,
)
BIGGAN_DEEP_256 = BIGGAN_DEEP_128._replace(
    layers=_layers((16, 16), (16, 8), (8, 8), (8, 4), (4, 2), (2, 1)),
)
# The sizes with published weights, by the names in assets.yaml.
PUBLISHED_BIGGANS = {"biggan_deep_256": BIGGAN_DEEP_256, "biggan_deep_128": BIGGAN_DEEP_128}
# For nine classes at 48 pixels; with start=4, at 64 pixels.
BIGGAN_SMALL = BigGANSizes(
    classes=9,
    noise_dimensions=32,
    width=24,
    layers=_layers((16, 8), (8, 4), (4, 2), (2, 1)),
    attention_position=4,
    start=3,
    truncations=5,
)


class _Generator(Generator):  # type: ignore[misc]  # the package has no types
    """The package's generator with a first map of `start` pixels squared instead of 4 x 4."""

    def __init__(self, config: BigGANConfig, start: int) -> None:
        super().__init__(config)
        self.start = start
        features = start * start * 16 * config.channel_width
        self.gen_z = snlinear(in_features=2 * config.z_dim, out_features=features, eps=config.eps)

    def forward(self, cond_vector: Tensor, truncation: float) -> Tensor:
        """Images (n, 3, r, r) in [-1, 1] from noise and class embeddings, concatenated: (n, 2 dimensions)."""
        x = self.gen_z(cond_vector).unflatten(1, (self.start, self.start, -1)).permute(0, 3, 1, 2)
        for layer in self.layers:
            x = layer(x, cond_vector, truncation) if isinstance(layer, GenBlock) else layer(x)
        x = self.conv_to_rgb(self.relu(self.bn(x, truncation)))
        return torch.tanh(x[:, :3])


def biggan_config(sizes: BigGANSizes) -> BigGANConfig:
    """The package's configuration of `sizes`; for BIGGAN_DEEP_256 it is the published config.json."""
    return BigGANConfig(
        output_dim=sizes.resolution,
        z_dim=sizes.noise_dimensions,
        class_embed_dim=sizes.noise_dimensions,
        channel_width=sizes.width,
        num_classes=sizes.classes,
        layers=list(sizes.layers),
        attention_layer_position=sizes.attention_position,
        n_stats=sizes.truncations,
    )


def sizes_of(network: BigGAN) -> BigGANSizes:
    """The sizes of a network made by `build_biggan`."""
    config = network.config
    return BigGANSizes(
        classes=config.num_classes,
        noise_dimensions=config.z_dim,
        width=config.channel_width,
        layers=tuple((bool(doubles), before, after) for doubles, before, after in config.layers),
        attention_position=config.attention_layer_position,
        start=network.generator.start,
        truncations=config.n_stats,
    )


class BatchNorm(BigGANBatchNorm):  # type: ignore[misc]  # the package has no types
    """Batch norm of (n, c, h, w); scale and offset are learnt, or conditional on noise and class.

    In training mode it uses the batch's statistics, and the stored statistics of all truncations follow them
    with `momentum`; `collect_statistics` then sets those of each truncation. In evaluation mode it uses the
    stored statistics of the truncation (0 to 1), interpolated linearly between neighbours. (The package swaps
    the two weights of the interpolation.)
    """

    momentum = 0.1

    def forward(self, x: Tensor, truncation: float, condition_vector: Tensor | None = None) -> Tensor:
        """Normalises (n, c, h, w); `condition_vector` is needed if the norm is conditional."""
        if self.training:
            with torch.no_grad():
                variance, mean = torch.var_mean(x.float(), dim=(0, 2, 3))
                self.running_means.lerp_(mean, self.momentum)
                self.running_vars.lerp_(variance, self.momentum)
            x = functional.batch_norm(x, None, None, training=True, eps=self.eps)
        else:
            position = truncation * (len(self.running_means) - 1)
            lower = min(int(position), len(self.running_means) - 2)
            mean, variance = (
                torch.lerp(rows[lower], rows[lower + 1], position - lower)
                for rows in (self.running_means, self.running_vars)
            )
            x = functional.batch_norm(x, mean, variance, eps=self.eps)
        if self.conditional:
            scale, offset = 1 + self.scale(condition_vector), self.offset(condition_vector)
        else:
            scale, offset = self.weight[None], self.bias[None]
        return torch.addcmul(offset[:, :, None, None], x, scale[:, :, None, None])


def build_biggan(sizes: BigGANSizes, seed: int) -> BigGAN:
    """Builds a generator with weights drawn from `seed`, and batch-norm statistics of mean 0 and variance 1.

    In `train()` mode batch norms use the batch's statistics, in `eval()` mode the stored ones. Fine-tune a
    trained generator in evaluation mode, as the paper does with batches of 1. Copy a generator with
    `load_state_dict`: spectral norm forbids `deepcopy` after a forward pass.
    """
    config = biggan_config(sizes)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = BigGAN(config)
        network.generator = _Generator(config, sizes.start)
        for name, norm in list(network.named_modules()):
            if isinstance(norm, BigGANBatchNorm):
                network.set_submodule(name, _trainable(norm, config))
        settle_spectral_norms(network)
    return network


@torch.no_grad()
def settle_spectral_norms(network: BigGAN) -> None:
    """Computes the spectral norms of new or averaged weights, by power iteration.

    Spectral norm starts from random vectors and updates them in training only; evaluation mode would
    otherwise divide by a wrong norm.
    """
    for module in network.modules():
        for norm in module._forward_pre_hooks.values():
            if isinstance(norm, SpectralNorm):
                iterations, norm.n_power_iterations = norm.n_power_iterations, POWER_ITERATIONS
                norm.compute_weight(module, do_power_iteration=True)
                norm.n_power_iterations = iterations


def _trainable(norm: BigGANBatchNorm, config: BigGANConfig) -> BatchNorm:
    condition_dimensions = 2 * config.z_dim if norm.conditional else None
    ours = BatchNorm(norm.num_features, condition_dimensions, config.n_stats, norm.eps, norm.conditional)
    if not norm.conditional:  # the package does not initialise these
        torch.nn.init.ones_(ours.weight)
        torch.nn.init.zeros_(ours.bias)
    return ours


def load_biggan(sizes: BigGANSizes, path: Path) -> BigGAN:
    """Loads a generator, in evaluation mode, from a file of weights or a folder in the package's layout.

    Raises UserError when the file is missing, damaged or of another architecture.
    """
    path = Path(path)
    if path.is_dir():
        path = path / "pytorch_model.bin"
    network = build_biggan(sizes, seed=0)
    load_weights(network, read_state_dict(path), path)
    network.eval()
    return network


def generate(network: BigGAN, noise: Tensor, labels: Tensor, truncation: float) -> Tensor:
    """Generates images (n, 3, resolution, resolution) in [-1, 1] from noise (n, dimensions) and labels.

    `labels` are class numbers (n,), or mixtures of classes: floats (n, classes) whose rows sum to 1; the
    class embedding is linear in them. `truncation`, in (0, 1], must be the factor that `noise` was scaled by;
    it selects the batch-norm statistics and does not scale the noise again.
    """
    mixed = labels.is_floating_point()
    classes = labels if mixed else functional.one_hot(labels, network.config.num_classes)
    images: Tensor = network(noise, classes.to(noise.dtype), truncation)
    return images.float()  # autocast may have computed them in half precision


def truncated_noise(
    seed: int, name: str, start: int, stop: int, dimensions: int, truncation: float
) -> Tensor:
    """Rows start to stop - 1 of an unlimited table of noise, (stop - start, dimensions).

    The noise is a normal cut off at 2 standard deviations, times `truncation`, as for the published
    generators. A row is a function of seed, name and its index only.
    """
    uniforms = torch.from_numpy(indexed_uniforms(seed, name, start, stop, dimensions))
    tail = torch.special.ndtr(torch.tensor(-TRUNCATED_AT, dtype=torch.float64))
    normals: Tensor = torch.special.ndtri(tail + uniforms * (1 - 2 * tail))
    return (normals * truncation).float()


@torch.no_grad()
def collect_statistics(network: BigGAN, seed: int, batches: int, batch: int) -> None:
    """Sets the batch-norm statistics of each truncation to means over `batches` batches of `batch` images.


    Labels are uniform. The result is a function of `seed` and the weights. The network is left in evaluation
    mode.
    """
    parameter = next(network.parameters())
    norms = [norm for norm in network.modules() if isinstance(norm, BatchNorm)]
    truncations = len(norms[0].running_means)
    collected: list[list[tuple[Tensor, Tensor]]] = [[] for _ in norms]
    network.eval()
    for norm in norms:
        norm.training = True  # but not its spectral norms, which training mode would change
    for row in range(truncations):
        for index in range(batches):
            places = (index * batch, (index + 1) * batch)
            dimensions = network.config.z_dim
            noise = truncated_noise(seed, "statistics", *places, dimensions, row / (truncations - 1))
            labels = indexed_integers(seed, "statistics_labels", *places, network.config.num_classes)
            for norm in norms:
                norm.momentum = 1 / (index + 1)  # gives the mean over batches
            generate(network, noise.to(parameter), torch.from_numpy(labels).to(parameter.device), 1.0)
        for norm, rows in zip(norms, collected, strict=True):
            rows.append((norm.running_means[0].clone(), norm.running_vars[0].clone()))
    for norm, rows in zip(norms, collected, strict=True):
        means, variances = zip(*rows, strict=True)
        norm.running_means.copy_(torch.stack(means))
        norm.running_vars.copy_(torch.stack(variances))
        norm.momentum = BatchNorm.momentum
    network.eval()
