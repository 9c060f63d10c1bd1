"""The discriminator of the MNIST world: no normalisation layers, one output per class.

Norm-free with lazy R1 and a minibatch standard deviation, because on Wildlife MNIST a plain
convolutional discriminator with batch norm wins early and collapses classes.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from cgn.generators.mnist.mechanisms import CLASSES, SIZE, take_pixels


class Discriminator(nn.Module):
    """Images (n, 3, 32, 32) in [-1, 1], labels (n,) -> logit of "real", (n,).

    The images may be `groups` minibatches of one size, one after the other: one call on the real and the
    generated ones is faster than two, and their variety is still judged apart.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        # Kernels of twice the stride cover all pixels equally often; 3x3 ones left checkerboards in textures.
        self.conv_16 = nn.Conv2d(3, width, 4, stride=2, padding=1)
        self.conv_8 = nn.Conv2d(width, 2 * width, 4, stride=2, padding=1)
        self.conv_4 = nn.Conv2d(2 * width, 4 * width, 4, stride=2, padding=1)
        self.to_logits = nn.Linear(4 * width * 16 + 1, CLASSES)

    def forward(self, images: Tensor, labels: Tensor, groups: int = 1) -> Tensor:
        x = images.contiguous(memory_format=torch.channels_last)
        x = functional.leaky_relu(self.conv_16(x), 0.2)
        x = functional.leaky_relu(self.conv_8(x), 0.2)
        x = functional.leaky_relu(self.conv_4(x), 0.2).flatten(1)
        # Minibatch standard deviation (Karras et al. 2018): lets it see a batch that lacks variety.
        grouped = x.view(groups, -1, x.shape[1])
        variance = (grouped - grouped.mean(dim=1, keepdim=True)).square().mean(dim=1)  # faster than .var
        deviation = (variance + 1e-8).sqrt().mean(dim=1)
        of_each = deviation.repeat_interleave(len(x) // groups)[:, None]
        logits: Tensor = self.to_logits(torch.cat([x, of_each], dim=1))
        return logits.gather(1, labels[:, None])[:, 0]


def translate(images: Tensor, offsets: Tensor) -> Tensor:
    """Shift each image (n, c, 32, 32) by whole pixels `offsets` (n, 2), repeating the edge."""
    steps = torch.arange(SIZE, device=images.device)
    rows = (steps + offsets[:, :1]).clamp(0, SIZE - 1)
    columns = (steps + offsets[:, 1:]).clamp(0, SIZE - 1)
    return take_pixels(images, rows[:, :, None] * SIZE + columns[:, None, :])
