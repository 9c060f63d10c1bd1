"""Perceptual losses: the Gram matrix against its definition, the taps, the scale, gradients to the image."""

import pytest
import torch
from torchvision.models import vgg16_bn

from cgn.networks.vgg import (
    VGG16,
    PerceptualFeatures,
    VGGClassifier,
    gram_loss,
    gram_matrix,
    released_factors,
)

SMALL = (8, "M", 8, "M", 16, "M", 16, "M")


@pytest.fixture
def features() -> PerceptualFeatures:
    torch.manual_seed(0)
    return PerceptualFeatures(VGGClassifier(SMALL, classes=9).features, "imagenet")


def test_gram_matrix_is_the_correlation_of_channels() -> None:
    torch.manual_seed(0)
    features = torch.randn(2, 3, 4, 5, dtype=torch.float64)
    expected = torch.einsum("nihw,njhw->nij", features, features) / (3 * 4 * 5)
    assert torch.allclose(gram_matrix(features), expected)
    # Two channels that are 1 on disjoint halves of a 2x2 map: each agrees with itself on 2 of c h w = 8.
    halves = torch.tensor([[[[1.0, 0.0], [1.0, 0.0]], [[0.0, 1.0], [0.0, 1.0]]]])
    assert gram_matrix(halves).tolist() == [[[0.25, 0.0], [0.0, 0.25]]]


def test_gram_loss_and_its_gradient_against_a_derivation() -> None:
    """L = factor x mean |G - G'|, so dL/dF_ip = 2 factor / (c^2 chw) sum_j sign(G - G')_ij F_jp for n = 1."""
    torch.manual_seed(0)
    ours = torch.randn(1, 3, 4, 4, dtype=torch.float64, requires_grad=True)
    theirs = torch.randn(1, 3, 6, 6, dtype=torch.float64)
    loss = gram_loss([ours], [theirs], [7.0])
    loss.backward()
    difference = (gram_matrix(ours) - gram_matrix(theirs)).detach()
    assert loss.item() == pytest.approx(7 * difference.abs().mean().item())
    expected = torch.einsum("nij,njhw->nihw", difference.sign(), ours.detach()) * 2 * 7 / 9 / (3 * 16)
    assert ours.grad is not None
    assert torch.allclose(ours.grad, expected)


def test_released_scale() -> None:
    assert released_factors([0, 5, 5, 0]) == [0, 125_000, 125_000, 0]  # 25,000 times a bare 5
    torch.manual_seed(0)
    a, b = ([torch.randn(2, 3, 4, 4) for _ in range(2)] for _ in range(2))
    bare = gram_loss(a, b, [1, 0]).item()
    assert gram_loss(a, b, [5, 0]).item() == pytest.approx(5 * bare, rel=1e-5)
    assert gram_loss(a, b, released_factors([4, 0])).item() == pytest.approx(80_000 * bare, rel=1e-5)


def test_gram_loss_compares_textures_not_places(features: PerceptualFeatures) -> None:
    stripes = torch.ones(2, 3, 32, 32)
    stripes[:, :, ::4] = -1
    noise = torch.rand(2, 3, 32, 32) * 2 - 1
    same, other = (
        gram_loss(features(images), features(stripes), [1] * 4).item()
        for images in (stripes.roll(16, dims=2), noise)
    )
    assert same < 0.1 * other


@pytest.mark.parametrize("normalisation", ["imagenet", "raw"])
def test_gradients_pass_to_the_image_and_the_network_stays_frozen(normalisation: str) -> None:
    torch.manual_seed(0)
    network = VGGClassifier(SMALL, classes=9)
    features = PerceptualFeatures(network.features, normalisation)
    features.train()
    before = {name: value.clone() for name, value in features.state_dict().items()}
    images = (torch.rand(2, 3, 32, 32) * 2 - 1).requires_grad_(True)
    taps = features(images)
    assert [tuple(tap.shape) for tap in taps] == [(2, 8, 16, 16), (2, 8, 8, 8), (2, 16, 4, 4), (2, 16, 2, 2)]
    gram_loss(taps, features(torch.zeros_like(images)), [1] * 4).backward()
    assert images.grad is not None
    assert images.grad.abs().sum() > 0
    assert not any(parameter.requires_grad for parameter in features.parameters())
    assert all(torch.equal(value, before[name]) for name, value in features.state_dict().items())


def test_imagenet_normalisation_of_a_grey_image_is_near_zero(features: PerceptualFeatures) -> None:
    seen: list[torch.Tensor] = []
    features.layers[0].register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    mean = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
    features((mean * 2 - 1).expand(1, 3, 16, 16))
    assert seen[0].abs().max() < 1e-6


def test_full_size_features_are_torchvisions() -> None:
    ours = VGGClassifier(VGG16, classes=2).features
    with torch.device("meta"):
        theirs = vgg16_bn().features.state_dict()
    assert {name: value.shape for name, value in ours.state_dict().items()} == {
        name: value.shape for name, value in theirs.items()
    }
    taps = PerceptualFeatures(ours, "raw")(torch.zeros(1, 3, 32, 32))
    assert [tap.shape[1:] for tap in taps] == [(64, 16, 16), (128, 8, 8), (256, 4, 4), (512, 2, 2)]


def test_too_few_pools() -> None:
    with pytest.raises(ValueError, match="3 max-pools, 4 are needed"):
        PerceptualFeatures(VGGClassifier(SMALL[:6], classes=9).features, "raw")


def test_a_small_classifier_takes_any_resolution() -> None:
    network = VGGClassifier(SMALL, classes=9)
    assert network(torch.zeros(2, 3, 48, 48)).shape == (2, 9)
    assert network(torch.zeros(2, 3, 64, 32)).shape == (2, 9)
