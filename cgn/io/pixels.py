"""Converts images between uint8 (n, h, w, c), for disk, and float (n, c, h, w) in [-1, 1], for networks."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


def to_bytes(images: Tensor) -> NDArray[np.uint8]:
    """Converts (n, c, h, w) in [-1, 1] to uint8 (n, h, w, c); values beyond [-1, 1] are clipped."""
    scaled = images.permute(0, 2, 3, 1).add(1).mul(127.5).round().clamp(0, 255)
    return scaled.to(torch.uint8).contiguous().cpu().numpy()


def from_bytes(images: Tensor) -> Tensor:
    """Converts uint8 (n, h, w, c) to float32 (n, c, h, w) in [-1, 1]."""
    return images.permute(0, 3, 1, 2).float().div(127.5).sub(1)
