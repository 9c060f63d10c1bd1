import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch

from cgn.errors import UserError
from cgn.generators.mnist.vae import load_vae, save_vae, train_vae
from cgn.generators.params import VAEParams
from cgn.io.pixels import from_bytes
from cgn.networks.vae import VAE
from cgn.training.checkpoint import Checkpoint

PARAMS = VAEParams(beta=1.0, width=4, batch=16, learning_rate=0.01, warmup=0.1)
CPU = torch.device("cpu")


def images() -> np.ndarray:
    """Two plain colours."""
    colors = np.array([[220, 20, 60], [0, 149, 182]], np.uint8)[np.arange(64) % 2]
    return np.ascontiguousarray(np.broadcast_to(colors[:, None, None], (64, 32, 32, 3)))


def trained(folder: Path, passes: int = 16 * 150) -> VAE:
    return train_vae(images(), 2, PARAMS, passes, 0, Checkpoint(folder / "vae.pt", "run"), CPU)


def test_it_learns_to_reconstruct(tmp_path: Path) -> None:
    real = from_bytes(torch.from_numpy(images()[:2]))
    untrained = VAE(2, PARAMS.width, 0)
    vae = trained(tmp_path)
    with torch.no_grad():
        before, after = (
            float((model.decode(model.encode(real)[0]) - real).abs().mean()) for model in (untrained, vae)
        )
    assert after < 0.2 < before


def test_the_divergence_is_weighted_by_beta() -> None:
    vae, real = VAE(3, 4, 1), from_bytes(torch.from_numpy(images()[:8]))
    noise = torch.zeros(8, 3)
    mean, log_variance = vae.encode(real)
    posterior = torch.distributions.Normal(mean, (log_variance / 2).exp())
    divergence = torch.distributions.kl_divergence(posterior, torch.distributions.Normal(0.0, 1.0)).sum() / 8
    difference = vae.loss(real, noise, 5.0) - vae.loss(real, noise, 1.0)
    assert difference.item() == pytest.approx(4 * divergence.item(), rel=1e-3, abs=1e-3)


def test_same_seed_same_bytes_and_a_damaged_file_is_one_line(tmp_path: Path) -> None:
    digests = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        save_vae(tmp_path / name, trained(tmp_path / name, 64))
        digests.append(hashlib.md5((tmp_path / name / "weights.safetensors").read_bytes()).hexdigest())
    assert digests[0] == digests[1]
    assert load_vae(tmp_path / "a").latents == 2
    (tmp_path / "a/weights.safetensors").write_bytes(b"no weights")
    with pytest.raises(UserError, match="not a generator's weights"):
        load_vae(tmp_path / "a")
