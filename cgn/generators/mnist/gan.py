"""The GAN baseline: conditional, as many weights as the CGN, one mechanism and no composition.

The paper names the baseline ("Original + GAN") and not its architecture. Here it is the CGN's own
network, widened until it has as many weights as the three mechanisms together, and trained by the
same loop against the same discriminator.
"""

from typing import NamedTuple

from torch import Tensor, nn

from cgn.generators.mnist.mechanisms import CGN, CGNConfig, Shuffle, Start, UpsamplingNetwork


class GANConfig(NamedTuple):
    """What a stored GAN needs in order to be built again."""

    width: int
    noise_dimensions: int
    label_dimensions: int


class GAN(nn.Module):
    """Noise (n, noise dimensions), labels (n,) -> images (n, 3, 32, 32), about in [-1, 1] (not squashed)."""

    def __init__(self, config: GANConfig) -> None:
        super().__init__()
        self.config = config
        sizes = (config.noise_dimensions, config.label_dimensions)
        self.network = UpsamplingNetwork(config.width, 3, *sizes, circular=False)

    def forward(self, noise: Tensor, labels: Tensor) -> Tensor:
        images: Tensor = self.network(noise, labels)
        return images


def config_as_large_as_cgn(width: int, noise_dimensions: int, label_dimensions: int) -> GANConfig:
    """The narrowest GAN (in steps of two channels) with at least as many weights as a CGN of these sizes."""
    shuffle: Shuffle = "none"  # has no weights, as the mask's start
    start: Start = "patterned"
    target = _weights(CGN(CGNConfig(width, noise_dimensions, label_dimensions, 0.0, shuffle, 8, start)))
    while True:
        config = GANConfig(width, noise_dimensions, label_dimensions)
        if _weights(GAN(config)) >= target:
            return config
        width += 2


def _weights(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())
