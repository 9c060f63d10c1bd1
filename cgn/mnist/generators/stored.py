"""Trained generators on disk: weights.safetensors, whose one metadata key holds the configuration."""

import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from cgn.common.files import atomic_path
from cgn.errors import UserError
from cgn.mnist.generators.gan import GAN, GANConfig
from cgn.mnist.generators.mechanisms import CGN, CGNConfig

WEIGHTS = "weights.safetensors"


def save_generator(folder: Path, weights: dict[str, Tensor], config: CGNConfig | GANConfig) -> None:
    """Write a generator's weights and configuration into `folder`."""
    contiguous = {name: tensor.cpu().contiguous() for name, tensor in weights.items()}
    with atomic_path(folder / WEIGHTS) as temporary:
        save_file(contiguous, temporary, metadata={"config": json.dumps(config._asdict())})


def load_cgn(folder: Path) -> CGN:
    """The CGN that `save_generator` wrote, ready for sampling. Raises UserError if there is none."""
    weights, config = _load(folder)
    cgn = CGN(CGNConfig(**config))
    cgn.load_state_dict(weights)
    return cgn.eval().requires_grad_(False)


def load_gan(folder: Path) -> GAN:
    """The GAN that `save_generator` wrote, ready for sampling. Raises UserError if there is none."""
    weights, config = _load(folder)
    gan = GAN(GANConfig(**config))
    gan.load_state_dict(weights)
    return gan.eval().requires_grad_(False)


def _load(folder: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    path = folder / WEIGHTS
    if not path.exists():
        raise UserError(f"{path}: not found; run the stage that trains it (dvc repro)")
    try:
        with safe_open(path, framework="pt") as file:
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
            return weights, json.loads(file.metadata()["config"])
    except (SafetensorError, KeyError, TypeError) as error:
        raise UserError(f"{path}: not a generator's weights ({error}); delete it and run dvc repro") from None
