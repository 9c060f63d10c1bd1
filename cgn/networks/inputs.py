"""Preprocessing of images: ImageNet's normalisation, and resizing."""

import torch
from torch import Tensor, nn
from torch.nn import functional


class ImageNetNormalisation(nn.Module):
    """Normalises images (n, 3, h, w) in [0, 1] by ImageNet's mean and standard deviation of each channel."""

    mean: Tensor
    standard_deviation: Tensor

    def __init__(self) -> None:
        super().__init__()
        for name, values in (("mean", (0.485, 0.456, 0.406)), ("standard_deviation", (0.229, 0.224, 0.225))):
            self.register_buffer(name, torch.tensor(values).view(3, 1, 1), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        """(images - mean) / standard deviation."""
        return (images - self.mean) / self.standard_deviation


def resized(images: Tensor, resolution: int | None) -> Tensor:
    """Resizes images (n, 3, r, r) in [-1, 1] to `resolution` squared, bicubic and antialiased, as photos are.

    If `resolution` is None or r, the images are returned as they are.
    """
    if resolution in (None, images.shape[-1]):
        return images
    size = (resolution, resolution)
    small: Tensor = functional.interpolate(images, size=size, mode="bicubic", antialias=True)
    return small.clamp(-1, 1)
