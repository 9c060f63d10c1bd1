"""Saves and loads trained generators: weights.safetensors, with the configuration in its metadata."""

from pathlib import Path

from torch import Tensor

from cgn.generators.mnist.gan import GAN, GANConfig
from cgn.generators.mnist.mechanisms import CGN, CGNConfig
from cgn.io.weights import load_generator, write_generator

WEIGHTS = "weights.safetensors"


def save_generator(folder: Path, weights: dict[str, Tensor], config: CGNConfig | GANConfig) -> None:
    """Writes a generator's weights and configuration to `folder`."""
    write_generator(folder / WEIGHTS, weights, config._asdict())


def load_cgn(folder: Path) -> CGN:
    """Loads a CGN of `save_generator`, frozen. Raises UserError when it is missing or damaged."""
    return load_generator(folder / WEIGHTS, lambda config: CGN(CGNConfig(**config)))


def load_gan(folder: Path) -> GAN:
    """Loads a GAN of `save_generator`, frozen. Raises UserError when it is missing or damaged."""
    return load_generator(folder / WEIGHTS, lambda config: GAN(GANConfig(**config)))
