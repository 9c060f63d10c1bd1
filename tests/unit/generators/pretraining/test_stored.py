from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from pytorch_pretrained_biggan import BigGAN
from torch import nn

from cgn.errors import UserError
from cgn.generators.pretraining.stored import (
    load_cgan,
    load_features,
    load_saliency,
    load_segmenter,
    load_vgg,
    save_network,
    weights_file,
)
from cgn.networks.biggan import BIGGAN_SMALL, build_biggan, generate, sizes_of, truncated_noise
from cgn.networks.u2net import U2NET_SMALL, Saliency, U2Net
from cgn.networks.unet import SEGMENTER_SMALL, Segmenter
from cgn.networks.vgg import VGG_SMALL, PerceptualFeatures, VGGClassifier

LOADERS: dict[str, Callable[[Path], nn.Module]] = {
    "biggan": load_cgan,
    "u2net": load_saliency,
    "vgg": load_features,
    "segmenter": load_segmenter,
}


@pytest.fixture(scope="module")
def networks() -> dict[str, nn.Module]:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    return {
        "biggan": build_biggan(BIGGAN_SMALL._replace(start=2, classes=4), 0).eval(),
        "u2net": U2Net(U2NET_SMALL).eval(),
        "vgg": VGGClassifier(VGG_SMALL, 27).eval(),
        "segmenter": Segmenter(SEGMENTER_SMALL).eval(),
    }


@pytest.fixture(scope="module")
def folder(networks: dict[str, nn.Module], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pretrained")
    for name, network in networks.items():
        save_network(weights_file(folder, name), network)
    return folder


@pytest.mark.parametrize("name", LOADERS)
def test_what_is_loaded_is_what_was_saved_but_for_rounding(
    name: str, networks: dict[str, nn.Module], folder: Path
) -> None:
    loaded = LOADERS[name](folder)
    assert not loaded.training
    assert not any(parameter.requires_grad for parameter in loaded.parameters())
    inner = {"u2net": "network.", "vgg": "layers."}.get(name, "")
    saved = networks[name].state_dict()
    for key, value in loaded.state_dict().items():
        original = saved[key.removeprefix(inner) if name != "vgg" else key.replace(inner, "features.")]
        assert value.dtype == original.dtype
        assert torch.allclose(value, original, rtol=1e-3, atol=1e-6), key


def test_files_are_in_half_precision_and_small(folder: Path) -> None:
    sizes = {name: weights_file(folder, name).stat().st_size for name in LOADERS}
    assert max(sizes.values()) <= 2.5e6
    assert max(sizes[name] for name in ("u2net", "vgg", "segmenter")) < 1e6


def test_a_generator_has_the_sizes_of_its_weights(networks: dict[str, nn.Module], folder: Path) -> None:
    cgan, saved = load_cgan(folder), networks["biggan"]
    assert isinstance(saved, BigGAN)
    assert sizes_of(cgan) == sizes_of(saved)
    noise, labels = truncated_noise(0, "x", 0, 4, 32, 1.0), torch.arange(4)
    with torch.no_grad():
        ours, theirs = (generate(network, noise, labels, 1.0) for network in (cgan, saved))
    assert ours.shape == (4, 3, 32, 32)
    assert torch.allclose(ours, theirs, atol=0.05)


def test_what_they_draw(folder: Path) -> None:
    images = torch.rand(2, 3, 48, 48, generator=torch.Generator().manual_seed(0)) * 2 - 1
    images.requires_grad_(True)
    saliency, features, segmenter = load_saliency(folder), load_features(folder), load_segmenter(folder)
    assert isinstance(saliency, Saliency)
    assert isinstance(features, PerceptualFeatures)
    for network in (saliency, segmenter):
        masks = network(images)
        assert masks.shape == (2, 1, 48, 48)
        assert ((masks >= 0) & (masks <= 1)).all()
    assert [tap.shape[-1] for tap in features(images)] == [24, 12, 6, 3]
    saliency(images).sum().backward()
    assert images.grad is not None
    assert images.grad.abs().sum() > 0
    assert load_vgg(folder)(images).shape == (2, 27)


@pytest.mark.parametrize("name", LOADERS)
def test_a_missing_and_a_foreign_file_are_named(name: str, folder: Path, tmp_path: Path) -> None:
    path = weights_file(tmp_path, name)
    with pytest.raises(UserError, match=f"{name}.safetensors: not found"):
        LOADERS[name](tmp_path)
    other = "segmenter" if name != "segmenter" else "vgg"
    path.write_bytes(weights_file(folder, other).read_bytes())
    with pytest.raises(UserError, match=f"{name}.safetensors: not the weights of"):
        LOADERS[name](tmp_path)
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(UserError, match=f"{name}.safetensors: not a file of weights"):
        LOADERS[name](tmp_path)
