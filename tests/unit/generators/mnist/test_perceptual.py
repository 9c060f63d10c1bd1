import torch
from torchvision.models import vgg16

from cgn.generators.mnist.training import GramLoss


def test_gram_loss_compares_textures_not_places() -> None:
    torch.manual_seed(0)
    loss = GramLoss(vgg16(weights=None).features)
    stripes = torch.ones(2, 3, 32, 32)
    stripes[:, :, ::4] = -1
    noise = torch.rand(2, 3, 32, 32) * 2 - 1
    assert loss(stripes, stripes).item() == 0
    moved = loss(stripes.roll(8, dims=3), stripes).item()
    assert moved < 0.1 * loss(noise, stripes).item()
    images = noise.clone().requires_grad_(True)
    loss(images, stripes).backward()
    assert images.grad is not None
    assert images.grad.abs().sum() > 0
    assert not any(parameter.requires_grad for parameter in loss.parameters())
