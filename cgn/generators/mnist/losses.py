"""The adversarial losses of the MNIST world, and our border prior."""

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


def border_loss(mask: Tensor, width: int) -> Tensor:
    """Mean of the mask on its outermost `width` pixels.

    Not in the paper. Composition is symmetric under swapping the object with the background and
    inverting the mask; this says which side is the object.
    """
    inner = mask[:, :, width:-width, width:-width]
    border_pixels = mask[0].numel() - inner[0].numel()
    return (mask.sum() - inner.sum()) / (border_pixels * mask.shape[0])
