"""Class-conditional discriminators, regularised by R1 instead of normalisation layers.

With batch norm, a convolutional discriminator wins early on Wildlife MNIST, and classes collapse. A minibatch
standard deviation shows the discriminator whether a batch lacks variety. The images of a call may be `groups`
minibatches of equal size, e.g. real and generated ones: one call is faster than two, and the standard
deviation is computed for each group.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

SLOPE = 0.2  # of the leaky ReLUs


class ClassLogits(nn.Module):
    """Maps features (n, f) and labels (n,) to the logits (n,) of these labels."""

    def __init__(self, features: int, classes: int) -> None:
        super().__init__()
        self.linear = nn.Linear(features + 1, classes)

    def forward(self, x: Tensor, labels: Tensor, groups: int) -> Tensor:
        """The logits (n,); the minibatch standard deviation (Karras et al. 2018) is a further feature."""
        grouped = x.view(groups, -1, x.shape[1])
        variance = (grouped - grouped.mean(dim=1, keepdim=True)).square().mean(dim=1)  # faster than .var
        deviation = (variance + 1e-8).sqrt().mean(dim=1)
        of_each = deviation[:, None].expand(groups, len(x) // groups).reshape(-1, 1)
        logits: Tensor = self.linear(torch.cat([x, of_each], dim=1))
        return logits.gather(1, labels[:, None])[:, 0]


class DigitDiscriminator(nn.Module):
    """Maps images (n, 3, 32, 32) in [-1, 1] and labels (n,) to logits of "real", (n,)."""

    def __init__(self, width: int, classes: int) -> None:
        super().__init__()
        # Kernels of twice the stride cover all pixels equally often; 3x3 kernels left checkerboard patterns.
        self.conv_16 = nn.Conv2d(3, width, 4, stride=2, padding=1)
        self.conv_8 = nn.Conv2d(width, 2 * width, 4, stride=2, padding=1)
        self.conv_4 = nn.Conv2d(2 * width, 4 * width, 4, stride=2, padding=1)
        self.to_logits = ClassLogits(4 * width * 16, classes)
        self.to(memory_format=torch.channels_last)

    def forward(self, images: Tensor, labels: Tensor, groups: int = 1) -> Tensor:
        """The logits (n,)."""
        x = images.contiguous(memory_format=torch.channels_last)
        for convolution in (self.conv_16, self.conv_8, self.conv_4):
            x = functional.leaky_relu(convolution(x), SLOPE)
        logits: Tensor = self.to_logits(x.flatten(1), labels, groups)
        return logits


class _Block(nn.Module):
    """A residual block from (n, inputs, h, w) to (n, outputs, h / 2, w / 2)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv_0 = nn.Conv2d(inputs, inputs, 3, padding=1)
        # A kernel of twice the stride covers all pixels equally often.
        self.conv_1 = nn.Conv2d(inputs, outputs, 4, stride=2, padding=1)
        self.skip = nn.Conv2d(inputs, outputs, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        residual = self.conv_0(functional.leaky_relu(x, SLOPE))
        residual = self.conv_1(functional.leaky_relu(residual, SLOPE))
        skipped: Tensor = self.skip(functional.avg_pool2d(x, 2))
        halved: Tensor = (skipped + residual) * 0.5**0.5
        return halved


class BigGANDiscriminator(nn.Module):
    """Maps images (n, 3, r, r) in [-1, 1] and labels (n,) to logits of "real", (n,), for a small BigGAN.

    It is residual. `channels` are those of the first map and of the output of each block; every block halves
    the map. The weights are drawn from `seed`.
    """

    def __init__(self, channels: list[int], resolution: int, classes: int, seed: int) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.from_image = nn.Conv2d(3, channels[0], 3, padding=1)
            self.blocks = nn.Sequential(*(_Block(i, o) for i, o in pairwise(channels)))
            side = resolution >> len(self.blocks)
            self.to_logits = ClassLogits(channels[-1] * side * side, classes)
            for module in self.modules():
                if isinstance(module, nn.Conv2d):
                    nn.init.kaiming_normal_(module.weight, SLOPE)
        self.to(memory_format=torch.channels_last)

    def forward(self, images: Tensor, labels: Tensor, groups: int = 1) -> Tensor:
        """The logits (n,)."""
        x = self.blocks(self.from_image(images.contiguous(memory_format=torch.channels_last)))
        logits: Tensor = self.to_logits(functional.leaky_relu(x, SLOPE).flatten(1), labels, groups)
        return logits


def augment(images: Tensor, uniforms: Tensor, translation: float, cutout: float) -> Tensor:
    """Moves each image (n, c, r, r), then sets a square in it to 0 (DiffAugment, Zhao et al. 2020).

    `translation`, the largest movement, and `cutout`, the side of the square, are in widths of the image. 0
    moves in from outside. `uniforms` (n, 4) in [0, 1) give the movement down and right, and the middle of the
    square, which may be any pixel. Differentiable.
    """
    side = images.shape[-1]
    reach, hole = round(translation * side), round(cutout * side)
    places = torch.arange(side, device=images.device)
    # Images are moved by matrix products, because the gradient of indexing is slow on a GPU.
    offsets = (uniforms[:, :2] * (2 * reach + 1)).floor() - reach
    sources = places - offsets[:, :, None]
    moves = (sources[..., None] == places).to(images.dtype)
    moved = moves[:, None, 0] @ images @ moves[:, None, 1].mT
    starts = (uniforms[:, 2:] * side).floor() - hole // 2
    inside = (places >= starts[..., None]) & (places < starts[..., None] + hole)
    return moved * ~(inside[:, None, 0, :, None] & inside[:, None, 1, None, :])
