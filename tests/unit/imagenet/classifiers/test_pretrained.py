"""Classifiers by name: what they answer, and what happens when a name or weights are wrong."""

import pickle
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision import models

from cgn.common.assets import Asset
from cgn.errors import UserError
from cgn.imagenet.classifiers.pretrained import load_classifier

SMALL = "shufflenet_v2_x0_5"
WEIGHTS = models.ShuffleNet_V2_X0_5_Weights.IMAGENET1K_V1
SIZES = [(224, 224), (300, 200), (64, 64)]


def pictures() -> list[Image.Image]:
    rng = np.random.default_rng(0)
    return [
        Image.fromarray(rng.integers(256, size=(height, width, 3), dtype=np.uint8)) for width, height in SIZES
    ]


@pytest.fixture
def weights_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where torchvision keeps the weights of SMALL; the file is not there yet."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    file = tmp_path / "hub" / "checkpoints" / WEIGHTS.url.rsplit("/", 1)[-1]
    file.parent.mkdir(parents=True)
    return file


def test_efficientnet_lite0_takes_images_of_any_size() -> None:
    classifier = load_classifier("efficientnet_lite0", {})
    images = pictures()
    together = classifier.probabilities(images)
    assert together.shape == (len(SIZES), 1000)
    np.testing.assert_allclose(together.sum(axis=1), 1, atol=1e-5)
    alone = np.concatenate([classifier.probabilities([image]) for image in images])
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_torchvision_weights_put_there_by_hand(weights_file: Path) -> None:
    torch.manual_seed(0)
    network = models.get_model(SMALL).eval()
    torch.save(network.state_dict(), weights_file)
    image = pictures()[1]
    with torch.inference_mode():
        expected = network(WEIGHTS.transforms()(image)[None]).softmax(dim=1).numpy()
    np.testing.assert_allclose(load_classifier(SMALL, {}).probabilities([image]), expected, atol=1e-6)


def test_a_resnet50_by_its_asset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As Geirhos et al. published theirs: a training checkpoint of DataParallel."""
    monkeypatch.setenv("CGN_MIRRORS", str(tmp_path))
    torch.manual_seed(0)
    network = models.resnet50().eval()
    state = {f"module.{name}": value for name, value in network.state_dict().items()}
    torch.save({"epoch": 60, "state_dict": state}, tmp_path / "sin.pth.tar")
    asset = Asset("https://example.org/sin.pth.tar", None, "none")
    image = pictures()[0]
    with torch.inference_mode():
        seen = models.ResNet50_Weights.IMAGENET1K_V1.transforms()(image)[None]
        expected = network(seen).softmax(dim=1).numpy()
    found = load_classifier("resnet50_sin", {"resnet50_sin": asset}).probabilities([image])
    np.testing.assert_allclose(found, expected, atol=1e-6)


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
