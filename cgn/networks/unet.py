"""A plain U-Net (Ronneberger et al. 2015) that predicts the mask of the object in an image.

On MNIST it is trained on the images and masks of a CGN (`cgn.generators.mnist.abduction`). In the ImageNet
branch it judges masks and backgrounds, with an architecture other than the U2-Net's, which the CGN is trained
with.
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

# Channels of each level, from full resolution down.
SEGMENTER_SMALL = (12, 24, 48, 64)


class Segmenter(nn.Module):
    """Predicts the object's mask (n, 1, h, w) in [0, 1] in images (n, 3, h, w) in [-1, 1].

    `channels` are those of each level; every level halves the map. A level has two 3x3 convolutions on the
    way down and two on the way up. h and w must be multiples of 2^(levels - 1).
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
        """The masks (n, 1, h, w) in [0, 1]."""
        return self.logits(images).sigmoid()

    def logits(self, images: Tensor) -> Tensor:
        """The masks before the sigmoid (n, 1, h, w), for the training loss."""
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
