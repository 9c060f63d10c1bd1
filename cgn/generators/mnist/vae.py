"""The beta-VAEs of Figure 6 (Higgins et al. 2017): their training and files."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cgn.generators.mnist.stored import WEIGHTS
from cgn.generators.params import VAEParams
from cgn.io.pixels import from_bytes
from cgn.io.weights import load_generator, write_generator
from cgn.networks.vae import VAE
from cgn.seeding import indexed_integers, indexed_normals, seed_for
from cgn.training.checkpoint import Checkpoint
from cgn.training.network import train_network


def train_vae(
    images: NDArray[np.uint8],
    latents: int,
    params: VAEParams,
    image_passes: int,
    seed: int,
    checkpoint: Checkpoint,
    device: torch.device,
) -> VAE:
    """Trains a beta-VAE with `latents` latents on `images` uint8 (n, 32, 32, 3), without labels."""
    name = f"vae_{latents}"
    vae = VAE(latents, params.width, seed_for(seed, name)).to(device)
    real = torch.from_numpy(images)

    def batch_loss(step: int) -> Tensor:
        places = (step * params.batch, (step + 1) * params.batch)
        rows = torch.from_numpy(indexed_integers(seed, f"{name}/rows", *places, len(images)))
        noise = torch.from_numpy(indexed_normals(seed, f"{name}/noise", *places, latents))
        return vae.loss(from_bytes(real[rows].to(device)), noise.to(device), params.beta)

    train_network(vae, batch_loss, image_passes, params, checkpoint, name)
    return vae


def save_vae(folder: Path, vae: VAE) -> None:
    """Writes weights and sizes to `folder`."""
    write_generator(folder / WEIGHTS, vae.state_dict(), {"latents": vae.latents, "width": vae.width})


def load_vae(folder: Path) -> VAE:
    """Loads a VAE of `save_vae`, frozen. Raises UserError when it is missing or damaged."""
    return load_generator(folder / WEIGHTS, lambda config: VAE(config["latents"], config["width"], 0))
