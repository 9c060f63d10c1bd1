"""Losses on masks: the paper's two (section 3.1, appendix C.1), and a border prior for MNIST."""

import math

from torch import Tensor
from torch.nn import functional


def binary_entropy(mask: Tensor) -> Tensor:
    """L_binary: the mean over pixels of the entropy, in bits, of masks in [0, 1]; 0 for binary masks."""
    p = mask.clamp(1e-6, 1 - 1e-6)
    return -(p * p.log() + (1 - p) * (1 - p).log()).mean() / math.log(2)


def mask_interval_loss(mask: Tensor, low: float, high: float) -> Tensor:
    """L_mask: the distance of each mask's mean to [low, high], averaged over masks (n, 1, h, w).

    The paper's interval is [tau, 1 - tau] with tau = 0.1.
    """
    mean = mask.mean(dim=(1, 2, 3))
    return (functional.relu(low - mean) + functional.relu(mean - high)).mean()


def border_loss(mask: Tensor, width: int) -> Tensor:
    """The mean of masks (n, 1, h, w) on their outermost `width` pixels.

    Not in the paper. Swapping the object with the background and inverting the mask gives the same composite;
    this loss decides which of the two is the object.
    """
    inner = mask[:, :, width:-width, width:-width]
    border_pixels = mask[0].numel() - inner[0].numel()
    return (mask.sum() - inner.sum()) / (border_pixels * mask.shape[0])
