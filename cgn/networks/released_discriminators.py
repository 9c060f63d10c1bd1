"""The two discriminators of the released MNIST code (mnists/models/discriminator.py there).

They map images (n, 3, 32, 32) in [-1, 1] and labels (n,) to one number for each image, (n,), which least
squares pull to 1 for real images and to 0 for generated ones.
"""

import torch
from torch import Tensor, nn

_SLOPE = 0.2  # of the leaky ReLUs
_PIXELS = 3 * 32 * 32


class LinearDiscriminator(nn.Module):
    """Four linear layers with dropout; the class is an embedding beside the pixels."""

    def __init__(self, width: int, classes: int) -> None:
        super().__init__()
        self.label_embedding = nn.Embedding(classes, classes)
        self.model = nn.Sequential(
            nn.Linear(classes + _PIXELS, width),
            nn.LeakyReLU(_SLOPE),
            *(nn.Linear(width, width), nn.Dropout(0.4), nn.LeakyReLU(_SLOPE)),
            *(nn.Linear(width, width), nn.Dropout(0.4), nn.LeakyReLU(_SLOPE)),
            nn.Linear(width, 1),
        )

    def forward(self, images: Tensor, labels: Tensor) -> Tensor:
        """One number for each image, (n,)."""
        validity: Tensor = self.model(torch.cat([images.flatten(1), self.label_embedding(labels)], dim=1))
        return validity[:, 0]


class ConvolutionalDiscriminator(nn.Module):
    """Four convolutions with batch norms; the class is a fourth channel of one value."""

    def __init__(self, width: int, classes: int) -> None:
        super().__init__()
        self.label_embedding = nn.Embedding(classes, 1)
        self.model = nn.Sequential(
            *_block(4, width, 3, 1),
            *_block(width, 2 * width, 3, 1),
            *_block(2 * width, 4 * width, 4, 2),
            *_block(4 * width, 4 * width, 4, 2),
            nn.AvgPool2d(3),
            nn.Conv2d(4 * width, 1, 1, bias=False),
        )

    def forward(self, images: Tensor, labels: Tensor) -> Tensor:
        """One number for each image, (n,)."""
        channel = self.label_embedding(labels)[:, :, None, None].expand(-1, -1, *images.shape[2:])
        validity: Tensor = self.model(torch.cat([images, channel], dim=1))
        return validity.flatten()


def _block(inputs: int, outputs: int, kernel: int, stride: int) -> list[nn.Module]:
    convolution = nn.Conv2d(inputs, outputs, kernel, stride=stride, bias=False)
    return [convolution, nn.BatchNorm2d(outputs), nn.LeakyReLU(_SLOPE)]
