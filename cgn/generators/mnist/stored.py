"""Saves and loads trained generators: weights.safetensors, with the configuration in its metadata."""

from pathlib import Path
from typing import Any

from torch import Tensor

from cgn.generators.mnist.gan import GAN, GANConfig
from cgn.generators.mnist.mechanisms import CGN, CGNConfig, DigitCGN
from cgn.generators.mnist.released import ReleasedCGN, ReleasedConfig
from cgn.io.weights import load_generator, write_generator

WEIGHTS = "weights.safetensors"
Config = CGNConfig | ReleasedConfig | GANConfig


def save_generator(folder: Path, weights: dict[str, Tensor], config: Config) -> None:
    """Writes a generator's weights and configuration to `folder`."""
    write_generator(folder / WEIGHTS, weights, config._asdict())


def load_cgn(folder: Path) -> DigitCGN:
    """Loads a CGN of `save_generator`, frozen. Raises UserError when it is missing or damaged."""
    return load_generator(folder / WEIGHTS, _cgn_of)


def _cgn_of(config: dict[str, Any]) -> DigitCGN:
    if config.keys() == set(ReleasedConfig._fields):
        return ReleasedCGN(ReleasedConfig(**config))
    return CGN(CGNConfig(**config))


def load_gan(folder: Path) -> GAN:
    """Loads a GAN of `save_generator`, frozen. Raises UserError when it is missing or damaged."""
    return load_generator(folder / WEIGHTS, lambda config: GAN(GANConfig(**config)))
