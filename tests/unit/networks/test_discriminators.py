import pytest
import torch
from torch import nn

from cgn.networks.discriminators import BigGANDiscriminator, DigitDiscriminator, augment


@pytest.mark.parametrize("kind", ["biggan", "digits"])
def test_minibatches_are_judged_apart(kind: str) -> None:
    torch.manual_seed(0)
    discriminator: nn.Module
    if kind == "biggan":
        discriminator, size = BigGANDiscriminator([4, 8, 8], 16, 3, seed=0), 16
    else:
        discriminator, size = DigitDiscriminator(4, 3), 32
    draws = torch.Generator().manual_seed(0)
    images, labels = torch.randn(8, 3, size, size, generator=draws), torch.arange(8) % 3
    images[4:] *= 0.1
    together = discriminator(images, labels, groups=2)
    apart = torch.cat([discriminator(images[:4], labels[:4]), discriminator(images[4:], labels[4:])])
    assert torch.allclose(together, apart, atol=1e-5)
    assert not torch.allclose(together, discriminator(images, labels), atol=1e-4)


def test_the_weights_follow_from_the_seed_and_the_class_counts() -> None:
    first, again, other = (BigGANDiscriminator([4, 8], 16, 3, seed=seed) for seed in (0, 0, 1))
    images = torch.ones(3, 3, 16, 16)
    logits = first(images, torch.arange(3))
    assert torch.equal(logits, again(images, torch.arange(3)))
    assert not torch.equal(logits, other(images, torch.arange(3)))
    assert len(logits.unique()) == 3


def test_an_image_moves_by_whole_pixels_and_loses_a_square() -> None:
    images = torch.arange(1.0, 65).view(1, 1, 8, 8).repeat(2, 1, 1, 1)
    # As far up and left as it goes, and as far down and right.
    uniforms = torch.tensor([[0.0, 0.0, 0.5, 0.5], [0.99, 0.99, 0.5, 0.5]])
    moved = augment(images, uniforms, translation=0.25, cutout=0)
    assert torch.equal(moved[0, 0, :6, :6], images[0, 0, 2:, 2:])
    assert torch.equal(moved[1, 0, 2:, 2:], images[1, 0, :6, :6])
    assert moved[0, 0, 6:].abs().sum() == moved[1, 0, :2].abs().sum() == 0
    cut = augment(images, uniforms, translation=0, cutout=0.5)
    assert torch.equal(cut[0, 0] == 0, torch.nn.functional.pad(torch.ones(4, 4), (2, 2, 2, 2)) == 1)
    corner = augment(images, torch.zeros(2, 4), translation=0, cutout=0.5)
    assert int((corner[0] == 0).sum()) == 4


def test_augmentation_passes_the_gradient() -> None:
    images = torch.zeros(1, 3, 8, 8, requires_grad=True)
    uniforms = torch.tensor([[0.0, 0.5, 0.5, 0.5]])
    torch.autograd.backward(augment(images, uniforms, translation=0.25, cutout=0.5).sum())
    assert images.grad is not None
    # Two rows went out of the picture, and the square of 4 x 4 was cut.
    assert int(images.grad[0, 0].sum()) == 48 - 16
