"""A generator's images at the resolution of the world, which classifiers take."""

from torch import Tensor
from torch.nn import functional


def resized(images: Tensor, resolution: int | None) -> Tensor:
    """Images (n, 3, r, r) in [-1, 1] at `resolution` squared, bicubic and antialiased, as photos of a world.

    None, or the resolution that they have: the images as they are.
    """
    if resolution in (None, images.shape[-1]):
        return images
    size = (resolution, resolution)
    small: Tensor = functional.interpolate(images, size=size, mode="bicubic", antialias=True)
    return small.clamp(-1, 1)
