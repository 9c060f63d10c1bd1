"""What images go through before a network: ImageNet's normalisation, and the size that it takes."""

import torch
from torch import Tensor, nn
from torch.nn import functional


class ImageNetNormalisation(nn.Module):
    """Images (n, 3, height, width) in [0, 1] less ImageNet's mean, over its deviation, by channel."""

    mean: Tensor
    standard_deviation: Tensor

    def __init__(self) -> None:
        super().__init__()
        for name, values in (("mean", (0.485, 0.456, 0.406)), ("standard_deviation", (0.229, 0.224, 0.225))):
            self.register_buffer(name, torch.tensor(values).view(3, 1, 1), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        return (images - self.mean) / self.standard_deviation


def resized(images: Tensor, resolution: int | None) -> Tensor:
    """Images (n, 3, r, r) in [-1, 1] at `resolution` squared, bicubic and antialiased, as photos of a world.

    None, or the resolution that they have: the images as they are.
    """
    if resolution in (None, images.shape[-1]):
        return images
    size = (resolution, resolution)
    small: Tensor = functional.interpolate(images, size=size, mode="bicubic", antialias=True)
    return small.clamp(-1, 1)
