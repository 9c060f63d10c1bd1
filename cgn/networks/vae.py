"""A small convolutional variational autoencoder (Kingma and Welling 2014) of images of 32x32 pixels."""

import torch
from torch import Tensor, nn
from torch.nn import functional

_CELLS = 16  # of the smallest map, 4x4


class VAE(nn.Module):
    """Encodes images (n, 3, 32, 32) in [-1, 1] as normals over `latents` numbers, and decodes such numbers.

    Encoder and decoder have three convolutions each, of `width`, 2 * `width` and 4 * `width` features. The
    weights are drawn from `seed`.
    """

    def __init__(self, latents: int, width: int, seed: int) -> None:
        super().__init__()
        self.latents, self.width = latents, width
        features = 4 * width * _CELLS
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.encoder = nn.Sequential(
                *(nn.Conv2d(3, width, 4, stride=2, padding=1), nn.ReLU()),
                *(nn.Conv2d(width, 2 * width, 4, stride=2, padding=1), nn.ReLU()),
                *(nn.Conv2d(2 * width, 4 * width, 4, stride=2, padding=1), nn.ReLU()),
                *(nn.Flatten(), nn.Linear(features, 2 * latents)),
            )
            self.decoder = nn.Sequential(
                *(nn.Linear(latents, features), nn.ReLU(), nn.Unflatten(1, (4 * width, 4, 4))),
                *(nn.ConvTranspose2d(4 * width, 2 * width, 4, stride=2, padding=1), nn.ReLU()),
                *(nn.ConvTranspose2d(2 * width, width, 4, stride=2, padding=1), nn.ReLU()),
                nn.ConvTranspose2d(width, 3, 4, stride=2, padding=1),
            )

    def encode(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and logarithm of the variance of the posterior, (n, latents) each."""
        mean, log_variance = self.encoder(images).chunk(2, dim=1)
        return mean, log_variance

    def decode(self, latents: Tensor) -> Tensor:
        """Images (n, 3, 32, 32) in [-1, 1] of latents (n, latents)."""
        return torch.sigmoid(self.decoder(latents)) * 2 - 1

    def loss(self, images: Tensor, noise: Tensor, beta: float) -> Tensor:
        """The loss of Higgins et al. (2017) in nats, mean over images: cross-entropy + beta * divergence.

        Channels are taken for probabilities; the divergence is that of the posterior from the standard
        normal. `noise` (n, latents) is standard normal.
        """
        mean, log_variance = self.encode(images)
        logits = self.decoder(mean + noise * (log_variance / 2).exp())
        entropy = functional.binary_cross_entropy_with_logits(logits, (images + 1) / 2, reduction="sum")
        divergence = (mean.square() + log_variance.exp() - 1 - log_variance).sum() / 2
        return (entropy + beta * divergence) / len(images)
