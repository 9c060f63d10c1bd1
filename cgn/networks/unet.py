"""A plain U-Net (Ronneberger et al. 2015) that reads the mask of the object off an image.

MNIST: it learns what the masks of a CGN's images are (`cgn.generators.mnist.abduction`). ImageNet: it judges
masks and backgrounds, and is unlike the U2-Net in training.
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

# From full resolution down; each level halves the map.
SEGMENTER_SMALL = (12, 24, 48, 64)


class Segmenter(nn.Module):
    """The mask (n, 1, height, width) in [0, 1] of the object in images (n, 3, height, width) in [-1, 1].

    `channels` of each level, two 3x3 convolutions a level on the way down and on the way up. Height and width
    are multiples of 2^(levels - 1).
    """

    def __init__(self, channels: Sequence[int]) -> None:
        super().__init__()
        pairs = list(pairwise(channels))
        self.down = nn.ModuleList([_level(3, channels[0]), *(_level(above, below) for above, below in pairs)])
        self.pool = nn.MaxPool2d(2)
        self.enlarge = nn.ModuleList(nn.ConvTranspose2d(below, above, 2, stride=2) for above, below in pairs)
        self.up = nn.ModuleList(_level(2 * above, above) for above, _ in pairs)
        self.head = nn.Conv2d(channels[0], 1, 1)

    def forward(self, images: Tensor) -> Tensor:
        return self.logits(images).sigmoid()

    def logits(self, images: Tensor) -> Tensor:
        """The mask before the sigmoid, which training compares with the true one."""
        x = self.down[0](images)
        skips = []
        for level in self.down[1:]:
            skips.append(x)
            x = level(self.pool(x))
        for skip, enlarge, level in zip(skips[::-1], reversed(self.enlarge), reversed(self.up), strict=True):
            x = level(torch.cat([skip, enlarge(x)], dim=1))
        logits: Tensor = self.head(x)
        return logits


def _level(before: int, after: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for channels in (before, after):
        layers += [nn.Conv2d(channels, after, 3, padding=1), nn.BatchNorm2d(after), nn.ReLU()]
    return nn.Sequential(*layers)
