"""The GAN baseline: class-conditional, with one network in place of mechanisms and composer.

The paper does not state the architecture of its baseline "Original + GAN". Here it is the network of a CGN's
mechanism, widened until it has as many weights as the three mechanisms together. Training loop and kind of
discriminator are those of the CGN.
"""

from typing import NamedTuple

from torch import Tensor, nn

from cgn.generators.mnist.mechanisms import CGN, CGNConfig, Shuffle, Start, UpsamplingNetwork


class GANConfig(NamedTuple):
    """The sizes of a GAN, which are stored with its weights."""

    width: int
    noise_dimensions: int
    label_dimensions: int


class GAN(nn.Module):
    """Maps noise (n, noise dimensions) and labels (n,) to images (n, 3, 32, 32), about in [-1, 1]."""

    def __init__(self, config: GANConfig) -> None:
        super().__init__()
        self.config = config
        sizes = (config.noise_dimensions, config.label_dimensions)
        self.network = UpsamplingNetwork(config.width, 3, *sizes, circular=False)

    def forward(self, noise: Tensor, labels: Tensor) -> Tensor:
        """The images (n, 3, 32, 32); no activation bounds them."""
        images: Tensor = self.network(noise, labels)
        return images


def config_as_large_as_cgn(width: int, noise_dimensions: int, label_dimensions: int) -> GANConfig:
    """The narrowest GAN (in steps of two channels) with at least as many weights as a CGN of these sizes."""
    shuffle: Shuffle = "none"  # the shuffle and the mask's start have no weights
    start: Start = "patterned"
    target = _weights(CGN(CGNConfig(width, noise_dimensions, label_dimensions, 0.0, shuffle, 8, start)))
    while True:
        config = GANConfig(width, noise_dimensions, label_dimensions)
        if _weights(GAN(config)) >= target:
            return config
        width += 2


def _weights(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())
