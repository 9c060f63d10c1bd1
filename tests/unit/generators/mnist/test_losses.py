import pytest
import torch

from cgn.generators.mnist.losses import border_loss, gradient_penalty


def test_border_is_the_mean_of_the_frame() -> None:
    mask = torch.zeros(2, 1, 32, 32)
    mask[:, :, 4:-4, 4:-4] = 1
    assert border_loss(mask, 4).item() == 0
    assert border_loss(1 - mask, 4).item() == pytest.approx(1)


def test_gradient_penalty_of_a_linear_critic() -> None:
    images = torch.randn(3, 3, 4, 4, requires_grad=True)
    weights = torch.randn(3, 4, 4)
    logits = (images * weights).sum(dim=(1, 2, 3))
    assert gradient_penalty(logits, images).item() == pytest.approx(weights.square().sum().item(), rel=1e-5)
