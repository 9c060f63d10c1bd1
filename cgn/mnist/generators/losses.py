"""The losses of the MNIST mechanisms (section 3.1, appendix C.1) and our border prior."""

import math

import torch
from torch import Tensor
from torch.nn import functional


def generator_loss(fake_logits: Tensor) -> Tensor:
    """Non-saturating logistic loss (Goodfellow et al. 2014)."""
    return functional.softplus(-fake_logits).mean()


def discriminator_loss(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """Logistic loss of the discriminator."""
    return functional.softplus(-real_logits).mean() + functional.softplus(fake_logits).mean()


def refusal_loss(logits: Tensor, weights: Tensor) -> Tensor:
    """Logistic loss of the discriminator on further images that are not real, weighted one by one."""
    return (weights * functional.softplus(logits)).mean()


def gradient_penalty(real_logits: Tensor, real_images: Tensor) -> Tensor:
    """R1 (Mescheder et al. 2018): mean squared norm of d logit / d image at real images."""
    (gradient,) = torch.autograd.grad(real_logits.sum(), real_images, create_graph=True)
    return gradient.square().sum(dim=(1, 2, 3)).mean()


def binary_entropy(mask: Tensor) -> Tensor:
    """L_binary: mean pixel-wise entropy in bits of masks in [0, 1]; 0 when every pixel is 0 or 1."""
    p = mask.clamp(1e-6, 1 - 1e-6)
    return -(p * p.log() + (1 - p) * (1 - p).log()).mean() / math.log(2)


def mask_interval_loss(mask: Tensor, low: float, high: float) -> Tensor:
    """L_mask: how far the mean of each mask lies outside [low, high], averaged.

    The paper's interval is [tau, 1 - tau] with tau = 0.1.
    """
    mean = mask.mean(dim=(1, 2, 3))
    return (functional.relu(low - mean) + functional.relu(mean - high)).mean()


def border_loss(mask: Tensor, width: int) -> Tensor:
    """Mean of the mask on its outermost `width` pixels.

    Not in the paper. Composition is symmetric under swapping the object with the background and
    inverting the mask; this says which side is the object.
    """
    inner = mask[:, :, width:-width, width:-width]
    border_pixels = mask[0].numel() - inner[0].numel()
    return (mask.sum() - inner.sum()) / (border_pixels * mask.shape[0])
