import pytest
import torch
from torch import nn
from torch.nn import functional

from cgn.io.pixels import from_bytes
from cgn.networks.digit_cnn import FEATURES, RELEASED, UNPADDED, DigitCNN


def _images(count: int = 6) -> torch.Tensor:
    draws = torch.Generator().manual_seed(0)
    return torch.randint(256, (count, 32, 32, 3), generator=draws, dtype=torch.uint8)


def _plain(network: DigitCNN, images: torch.Tensor) -> torch.Tensor:
    """The architecture as the paper lists it, module after module."""
    x = network.conv_1(network.normalize(images))
    x = nn.MaxPool2d(3, 2)(functional.relu(x))
    x = functional.relu(network.conv_2(x))
    x = functional.relu(network.conv_4(functional.relu(network.conv_3(x))))
    logits: torch.Tensor = network.linear(nn.AvgPool2d(7)(x).flatten(1))
    return logits


def test_fast_form_equals_the_listed_layers_in_values_and_gradients() -> None:
    fast, plain = DigitCNN(1), DigitCNN(1)
    with torch.no_grad():  # a scale and shift that are not the identity
        for network in (fast, plain):
            network.normalize.weight.copy_(torch.tensor([0.5, 1.5, 2.0]))
            network.normalize.bias.copy_(torch.tensor([0.3, -0.2, 0.1]))
    images, labels = from_bytes(_images()), torch.arange(6)
    for logits in (fast(images), _plain(plain, images)):
        torch.autograd.backward(functional.cross_entropy(logits, labels))
    torch.testing.assert_close(fast(images), _plain(plain, images), rtol=1e-4, atol=1e-5)
    for (name, a), (_, b) in zip(fast.named_parameters(), plain.named_parameters(), strict=True):
        torch.testing.assert_close(a.grad, b.grad, rtol=1e-3, atol=1e-5, msg=name)
    torch.testing.assert_close(fast.normalize.running_mean, plain.normalize.running_mean)


def test_shapes_and_parameters() -> None:
    for released, pixels, cells in ((False, UNPADDED, 13), (True, RELEASED, 16)):
        network = DigitCNN(0, released=released)
        assert network.features(from_bytes(_images())).shape == (6, FEATURES, cells, cells)
        assert len(range(32)[pixels]) == cells
        assert network.feature_pixels == pixels
        assert network(from_bytes(_images())).shape == (6, 10)
        assert sum(p.numel() for p in network.parameters()) == 67_760


def test_the_released_form_is_the_released_network() -> None:
    """The layers of mnists/models/classifier.py of the paper's code, which have biases."""
    listed = nn.Sequential(
        nn.BatchNorm2d(3),
        *(nn.Conv2d(3, 32, 5, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2, padding=1)),
        *(nn.Conv2d(32, 32, 3, padding=1), nn.ReLU()),
        *(nn.Conv2d(32, 64, 3, stride=2, padding=1), nn.ReLU()),
        *(nn.Conv2d(64, 64, 3, padding=1), nn.ReLU()),
        *(nn.AvgPool2d(7), nn.Flatten(), nn.Linear(64, 10)),
    )
    network = DigitCNN(1, released=True)
    network.load_state_dict(dict(zip(network.state_dict(), listed.state_dict().values(), strict=True)))
    images = from_bytes(_images())
    torch.testing.assert_close(network(images), listed(images), rtol=1e-4, atol=1e-5)
    assert not torch.allclose(DigitCNN(1)(images), network(images))


def test_the_released_form_starts_as_torch_does() -> None:
    spread = {
        released: DigitCNN(0, released=released).conv_2.weight.std().item() for released in (False, True)
    }
    assert spread[False] == pytest.approx((2 / (32 * 9)) ** 0.5, rel=0.05)
    assert spread[True] == pytest.approx((1 / (3 * 32 * 9)) ** 0.5, rel=0.05)


def test_feature_cells_are_centred_on_the_stated_pixels() -> None:
    """A cell of the pooled map (conv_2 only adds neighbours) sees the pixels around its centre."""
    network = DigitCNN(0).eval()
    for cell in (0, 5, 12):
        images = torch.zeros(1, 3, 32, 32, requires_grad=True)
        first = network._normalized_conv_1(images + torch.randn(1, 3, 32, 32))
        # The average in place of the maximum, so that every pixel of the field gets a gradient.
        torch.autograd.backward(functional.avg_pool2d(first, 3, 2)[0, :, cell, cell].sum())
        assert images.grad is not None
        touched = images.grad.abs().sum(dim=(0, 1, 3)).nonzero()[:, 0]
        assert (touched.min() + touched.max()).item() / 2 == range(32)[UNPADDED][cell]


def test_seed_alone_draws_the_weights() -> None:
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    first, second, other = DigitCNN(3), DigitCNN(3), DigitCNN(4)
    assert torch.equal(first.conv_1.weight, second.conv_1.weight)
    assert not torch.equal(first.conv_1.weight, other.conv_1.weight)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_predict_uses_running_statistics_and_keeps_the_mode() -> None:
    network = DigitCNN(0)
    single = torch.cat([network.predict(_images()[i : i + 1]) for i in range(6)])
    assert torch.equal(single, network.predict(_images()))
    assert network.training
    assert not network.eval().training
    network.predict(_images())
    assert not network.training
