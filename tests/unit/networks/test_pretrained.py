"""Classifiers by name: what they answer, and what happens when a name or weights are wrong."""

import hashlib
import pickle
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from ruamel.yaml import YAML
from torchvision import models, transforms

from cgn.errors import UserError
from cgn.io.assets import Asset
from cgn.networks.backbones import published_or_asset
from cgn.networks.preprocessing import Preprocessing
from cgn.networks.pretrained import load_classifier
from cgn.networks.published import _efficientnet_lite0

SMALL = "shufflenet_v2_x0_5"
WEIGHTS = models.ShuffleNet_V2_X0_5_Weights.IMAGENET1K_V1


def pictures(count: int) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(256, size=(count, 224, 224, 3), dtype=np.uint8)


def normalised(images: NDArray[np.uint8]) -> torch.Tensor:
    """As ImageNet's networks were trained."""
    pixels = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255
    return transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])(pixels)


@pytest.fixture
def weights_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where torchvision keeps the weights of SMALL; the file is not there yet."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    file = tmp_path / "hub" / "checkpoints" / WEIGHTS.url.rsplit("/", 1)[-1]
    file.parent.mkdir(parents=True)
    return file


def test_images_of_224_pixels_enter_as_they_are() -> None:
    """As both published toolkits have it: scaled and normalised, neither resized nor cropped."""
    classifier = load_classifier("efficientnet_lite0", {})
    images = pictures(3)
    together = classifier.probabilities(images)
    assert together.shape == (3, 1000)
    np.testing.assert_allclose(together.sum(axis=1), 1, atol=1e-5)
    alone = np.concatenate([classifier.probabilities(image[None]) for image in images])
    np.testing.assert_allclose(together, alone, atol=1e-5)
    seen = torch.from_numpy((images.astype(np.float32) - 127) / 128).permute(0, 3, 1, 2)
    with torch.inference_mode():
        expected = _efficientnet_lite0().eval()(seen).softmax(dim=1).numpy()
    np.testing.assert_allclose(together, expected, atol=1e-4)


def test_the_size_is_that_of_the_weights() -> None:
    weights = models.Inception_V3_Weights.IMAGENET1K_V1
    assert Preprocessing.of(weights).resolution == 299


def test_torchvision_weights_put_there_by_hand(weights_file: Path) -> None:
    torch.manual_seed(0)
    network = models.get_model(SMALL).eval()
    torch.save(network.state_dict(), weights_file)
    images = pictures(1)
    with torch.inference_mode():
        expected = network(normalised(images)).softmax(dim=1).numpy()
    np.testing.assert_allclose(load_classifier(SMALL, {}).probabilities(images), expected, atol=1e-6)


def test_a_resnet50_by_its_asset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As Geirhos et al. published theirs: a training checkpoint of DataParallel."""
    monkeypatch.setenv("CGN_MIRRORS", str(tmp_path))
    torch.manual_seed(0)
    network = models.resnet50().eval()
    state = {f"module.{name}": value for name, value in network.state_dict().items()}
    torch.save({"epoch": 60, "state_dict": state}, tmp_path / "sin.pth.tar")
    asset = Asset(url="https://example.org/sin.pth.tar", sha256=None, licence="none")
    images = pictures(1)
    with torch.inference_mode():
        expected = network(normalised(images)).softmax(dim=1).numpy()
    found = load_classifier("resnet50_sin", {"resnet50_sin": asset}).probabilities(images)
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.fixture
def resnet50(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Random weights of torchvision's ResNet-50 in its file, whose name has their hash, and no network."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setenv("CGN_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("CGN_MIRRORS", raising=False)
    torch.manual_seed(0)
    torch.save(models.resnet50().state_dict(), tmp_path / "weights")
    digits = hashlib.sha256((tmp_path / "weights").read_bytes()).hexdigest()[:8]
    file = (tmp_path / "weights").rename(tmp_path / f"resnet50-{digits}.pth")
    monkeypatch.setattr(models.ResNet50_Weights.IMAGENET1K_V1.value, "url", f"http://127.0.0.1:9/{file.name}")
    return file


@pytest.mark.parametrize("place", ["cache", "mirror", "torch/hub/checkpoints"])
def test_resnet50_is_found_without_a_network(
    place: str, resnet50: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if place == "mirror":
        monkeypatch.setenv("CGN_MIRRORS", str(tmp_path / place))
    (tmp_path / place).mkdir(parents=True)
    expected = torch.load(resnet50, weights_only=True)
    resnet50.rename(tmp_path / place / resnet50.name)
    network, preprocessing = published_or_asset("resnet50")
    found = network.state_dict()
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], value) for name, value in expected.items())
    assert preprocessing.resolution == 224


def test_resnet50_of_another_hash_is_refused(
    resnet50: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where torch.hub's folder has the right one: the asset comes first."""
    monkeypatch.setenv("CGN_MIRRORS", str(tmp_path / "mirror"))
    for place in ("mirror", "torch/hub/checkpoints"):
        (tmp_path / place).mkdir(parents=True)
        shutil.copy(resnet50, tmp_path / place)
    with (tmp_path / "mirror" / resnet50.name).open("ab") as stream:
        stream.write(b"more")
    with pytest.raises(UserError, match="not the expected sha256"):
        published_or_asset("resnet50")


def test_the_asset_is_torchvisions_resnet50(root: Path) -> None:
    asset = YAML(typ="safe").load(root / "assets.yaml")["resnet50"]
    url = models.ResNet50_Weights.IMAGENET1K_V1.url
    assert asset["url"] == url
    assert url.endswith(f"-{asset['sha256']}.pth")


def test_a_download_with_another_hash_is_refused(
    weights_file: Path, serve: Callable[[Path], str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    torch.save(models.get_model(SMALL).state_dict(), tmp_path / weights_file.name)
    monkeypatch.setattr(WEIGHTS.value, "url", f"{serve(tmp_path)}/{weights_file.name}")
    with pytest.raises(UserError, match=r"download failed \(invalid hash value") as failure:
        load_classifier(SMALL, {})
    assert str(failure.value).endswith(f"put it at {weights_file}")
    assert not weights_file.exists()


def test_offline_names_the_way_out(
    weights_file: Path, unreachable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"{unreachable}/{weights_file.name}"
    monkeypatch.setattr(WEIGHTS.value, "url", url)
    with pytest.raises(UserError) as failure:
        load_classifier(SMALL, {})
    message = str(failure.value)
    assert "\n" not in message
    assert message.startswith(f"{url}: download failed (")
    assert message.endswith(f"fetch it elsewhere and put it at {weights_file}")


class Trap:
    """What a pickle from the internet may hold: a call."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (exec, ("import sys; sys._trap_of_test_pretrained = True",))


@pytest.mark.parametrize("fault", ["code", "cut", "empty", "another network", "no weights"])
def test_wrong_weights_are_refused(fault: str, weights_file: Path) -> None:
    torch.save(models.get_model(SMALL).state_dict(), weights_file)
    if fault == "code":
        weights_file.write_bytes(pickle.dumps({"conv1.0.weight": Trap()}, protocol=2))
    elif fault == "cut":
        weights_file.write_bytes(weights_file.read_bytes()[:5000])
    elif fault == "empty":
        weights_file.write_bytes(b"")
    else:
        torch.save({"a": torch.zeros(1)} if fault == "another network" else [1], weights_file)
    with pytest.raises(UserError) as failure:
        load_classifier(SMALL, {})
    message = str(failure.value)
    assert "\n" not in message
    assert message.startswith(f"{weights_file}: not the weights of {SMALL} (")
    assert message.endswith("; delete it and try again")
    assert not hasattr(sys, "_trap_of_test_pretrained")


@pytest.mark.parametrize("name", ["resnet5000", "ResNet50", "fcn_resnet50", "quantized_resnet50", ""])
def test_an_unknown_name_says_what_is_possible(name: str) -> None:
    with pytest.raises(UserError, match=r"unknown classifier; known are efficientnet_lite0 and .* resnet50,"):
        load_classifier(name, {})
