"""The two forms of pixels: uint8 (n, h, w, c) on disk, float (n, c, h, w) in [-1, 1] in networks."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


def to_bytes(images: Tensor) -> NDArray[np.uint8]:
    """(n, c, h, w) in [-1, 1] to uint8 (n, h, w, c). No stretching: -1 is 0 and 1 is 255."""
    scaled = images.permute(0, 2, 3, 1).add(1).mul(127.5).round().clamp(0, 255)
    return scaled.to(torch.uint8).contiguous().cpu().numpy()


def from_bytes(images: Tensor) -> Tensor:
    """uint8 (n, h, w, c) to float32 (n, c, h, w) in [-1, 1]."""
    return images.permute(0, 3, 1, 2).float().div(127.5).sub(1)
