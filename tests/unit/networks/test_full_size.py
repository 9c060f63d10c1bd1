"""The published architectures at full size, with random weights. The slowest tests here: seconds each."""

import hashlib

import torch
from pytorch_pretrained_biggan import BigGAN
from torchvision.models import resnet50, vgg16_bn

from cgn.networks.biggan import (
    BIGGAN_DEEP_128,
    BIGGAN_DEEP_256,
    biggan_config,
    build_biggan,
    generate,
    truncated_noise,
)
from cgn.networks.u2net import U2NET, Saliency, U2Net
from cgn.networks.vgg import VGG16, PublishedVGG


def parameters(network: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


# The README of their port: 50.4 and 55.9 million parameters.


def test_biggan_deep_128() -> None:
    with torch.device("meta"):
        network = BigGAN(biggan_config(BIGGAN_DEEP_128))
    assert round(parameters(network) / 1e6, 1) == 50.4
    assert BIGGAN_DEEP_128.resolution == 128


def test_biggan_deep_256() -> None:
    network = build_biggan(BIGGAN_DEEP_256, seed=0).eval()
    assert round(parameters(network) / 1e6, 1) == 55.9
    # The published config.json, to the byte.
    digest = hashlib.sha256(network.config.to_json_string().encode()).hexdigest()
    assert digest == "edd106f65ff28ee1638491a978cfa6bc50dfa0344aab70749a7b8eb08bbec677"
    with torch.no_grad():
        image = generate(network, truncated_noise(0, "z", 0, 1, 128, 0.5), torch.tensor([207]), 0.5)
    assert image.shape == (1, 3, 256, 256)
    assert image.isfinite().all()


def test_u2net() -> None:
    images = torch.zeros(1, 3, 200, 200)
    with torch.no_grad():
        saliency = Saliency(U2Net(U2NET), "official", resolution=160)(images)
    assert saliency.shape == (1, 1, 200, 200)
    assert saliency.min() >= 0
    assert saliency.max() <= 1


def test_torchvisions_networks() -> None:
    """Torchvision's own table of weights states these counts."""
    with torch.device("meta"):
        theirs, ours = vgg16_bn(), PublishedVGG(VGG16)
        assert parameters(theirs) == 138_365_992
        assert list(ours.state_dict()) == list(theirs.state_dict())
        assert parameters(resnet50()) == 25_557_032
