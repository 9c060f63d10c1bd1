"""Classifiers that users have: each kind answers as its network, and faults are one line."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from torchvision import models

from cgn.errors import UserError
from cgn.networks.backbones import random_backbone
from cgn.networks.classifier import Signature, write_signature
from cgn.networks.ensemble import EnsembleNetwork
from cgn.networks.image_classifier import ImageClassifier, unnamed, wrapped
from cgn.networks.preprocessing import Preprocessing
from cgn.networks.user_models import load_user_classifiers

SMALL, CLASSES = "shufflenet_v2_x0_5", ["cat", "dog", "horse"]
FACTS = {"classes": CLASSES, "resolution": 32, "mean": [0.5, 0.4, 0.3], "std": [0.2, 0.3, 0.4]}
MEAN, STD = np.array(FACTS["mean"]), np.array(FACTS["std"])


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def pictures(size: int) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(256, size=(2, size, size, 3), dtype=np.uint8)


def network() -> torch.nn.Module:
    torch.manual_seed(0)
    made: torch.nn.Module = models.get_model(SMALL, num_classes=3).eval()
    return made


def expected(images: NDArray[np.uint8], mean: Any = MEAN, std: Any = STD) -> NDArray[np.float32]:
    inputs = torch.tensor(((images / 255 - mean) / std).transpose(0, 3, 1, 2), dtype=torch.float32)
    with torch.inference_mode():
        return np.asarray(network()(inputs).softmax(dim=1))


def only(model: str) -> tuple[str, ImageClassifier]:
    ((name, classifier),) = load_user_classifiers(model, {}).items()
    return name, classifier


@pytest.mark.parametrize("ending", ["safetensors", "pth"])
def test_an_architecture_with_facts_beside_its_weights(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"mine.{ending}"
    save_file(network().state_dict(), path) if ending == "safetensors" else torch.save(
        network().state_dict(), path
    )
    path.with_suffix(".json").write_text(json.dumps(FACTS))
    name, classifier = only(f"{SMALL}:{path}")
    assert (name, classifier.resolution, classifier.names) == ("mine", 32, CLASSES)
    assert classifier.cue_conflict_outputs["dog"] == [1]
    np.testing.assert_allclose(classifier.probabilities(pictures(32)), expected(pictures(32)), atol=1e-5)


def test_facts_in_the_metadata_and_channels(tmp_path: Path) -> None:
    path = tmp_path / "mine.safetensors"
    facts = json.dumps(FACTS | {"channels": "bgr"})
    save_file(network().state_dict(), path, metadata={"facts": facts})
    _, classifier = only(f"{SMALL}:{path}")
    flipped = np.ascontiguousarray(pictures(32)[..., ::-1])
    np.testing.assert_allclose(classifier.probabilities(pictures(32)), expected(flipped), atol=1e-5)


def test_without_facts_inputs_are_the_architectures_and_outputs_have_no_names(tmp_path: Path) -> None:
    torch.save(network().state_dict(), tmp_path / "mine.pth")
    _, classifier = only(f"{SMALL}:{tmp_path / 'mine.pth'}")
    assert (classifier.resolution, classifier.names, len(classifier.in9_classes)) == (224, (), 3)
    usual = expected(pictures(224), [0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    np.testing.assert_allclose(classifier.probabilities(pictures(224)), usual, atol=1e-5)


CODE = """
import torch
from torchvision import transforms

class Brightness(torch.nn.Module):
    def forward(self, images):
        bright = images.mean(dim=(1, 2, 3))
        return torch.stack([bright, -bright], dim=1)

def with_facts():
    return Brightness(), {"classes": ["day", "night"], "resolution": 16, "mean": [0.5] * 3, "std": [1] * 3}

def with_function():
    return Brightness(), transforms.Compose([transforms.Resize(20), transforms.ToTensor()])

def with_preset():
    from torchvision.models import ResNet18_Weights
    return Brightness(), ResNet18_Weights.DEFAULT.transforms()

def wrong_facts():
    return Brightness(), {"resolution": 16, "mean": [0.5], "std": [1] * 3}

def no_network():
    return 3, {}

def raises():
    raise RuntimeError("no\\nfile")

def three_names():
    return Brightness(), {"classes": ["a", "b", "c"], "resolution": 16, "mean": [0] * 3, "std": [1] * 3}
"""


@pytest.fixture
def code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    name = f"mine_{tmp_path.name}"
    (tmp_path / f"{name}.py").write_text(CODE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    return name


@pytest.mark.parametrize(
    ("function", "size", "names"),
    [("with_facts", 16, ["day", "night"]), ("with_function", 20, ()), ("with_preset", 224, ())],
)
def test_the_users_own_code(function: str, size: int, names: Any, code: str) -> None:
    name, classifier = only(f"{code}:{function}")
    assert (name, classifier.resolution, classifier.names) == (function, size, names)
    white, black = np.full((1, size, size, 3), 255, np.uint8), np.zeros((1, size, size, 3), np.uint8)
    assert classifier.probabilities(white)[0, 0] > 0.5
    assert classifier.probabilities(black)[0, 0] <= 0.5


@pytest.mark.parametrize(
    ("function", "message"),
    [
        ("wrong_facts", r"mean: List should have at least 3 items"),
        ("no_network", r"facts|resolution: Field required"),
        ("raises", r"RuntimeError: no file$"),
        ("absent", r"AttributeError: module .* has no attribute 'absent'"),
        ("three_names", r"2 outputs and the names of 3 classes"),
    ],
)
def test_faults_of_the_users_code_are_one_line(function: str, message: str, code: str) -> None:
    with pytest.raises(UserError, match=message) as failure:
        load_user_classifiers(f"{code}:{function}", {})
    assert "\n" not in str(failure.value)
    assert f"{code}:{function}" in str(failure.value)


def test_faults_of_files_are_one_line(tmp_path: Path) -> None:
    path = tmp_path / "mine.pth"
    torch.save(network().state_dict(), path)
    for model, message in {
        f"resnet5000:{path}": "resnet5000: unknown classifier",
        f"resnet18:{path}": "not the weights of this network",
        str(path): f"needs its architecture: --model resnet50:{path}",
        f"{SMALL}:{tmp_path / 'nowhere.pth'}": "nowhere.pth: not found",
        str(tmp_path / "nowhere.onnx"): "nowhere.onnx: not found",
        "no_such_module:function": "ModuleNotFoundError",
    }.items():
        with pytest.raises(UserError, match=message) as failure:
            load_user_classifiers(model, {})
        assert "\n" not in str(failure.value)
    path.with_suffix(".json").write_text(json.dumps(FACTS | {"classes": ["a", "b"]}))
    with pytest.raises(UserError, match="3 outputs and the names of 2 classes"):
        load_user_classifiers(f"{SMALL}:{path}", {})
    path.with_suffix(".json").write_text('{"resolution": "large"}')
    with pytest.raises(UserError, match=r"mine\.json: resolution: Input should be a valid integer"):
        load_user_classifiers(f"{SMALL}:{path}", {})


def test_a_head_of_an_ensemble(tmp_path: Path) -> None:
    backbone = random_backbone(0, [4, 8])
    ensemble = EnsembleNetwork(backbone, 3, 0).eval()
    weights = {key: value.contiguous() for key, value in ensemble.state_dict().items()}
    save_file(weights, tmp_path / "weights.safetensors")
    write_signature(tmp_path, Signature(CLASSES, 32))
    name, classifier = only(f"{tmp_path}:shape")
    inputs = torch.from_numpy(pictures(32)).permute(0, 3, 1, 2) / 127.5 - 1
    with torch.inference_mode():
        logits = ensemble.head_logits(inputs)[:, 0]
    assert (name, classifier.names, classifier.resolution) == ("shape", CLASSES, 32)
    np.testing.assert_allclose(classifier.probabilities(pictures(32)), logits.softmax(dim=1), atol=1e-5)
    with pytest.raises(UserError, match="no such head; this folder has ensemble, shape, texture, background"):
        load_user_classifiers(f"{tmp_path}:colour", {})


def write_onnx(path: Path, batch: int | str) -> None:
    """A model that answers the means of the three channels."""
    import onnx
    from onnx import TensorProto, helper

    shape, outputs = [batch, 3, 8, 8], [batch, 3]
    pool = helper.make_node("GlobalAveragePool", ["images"], ["pooled"])
    flat = helper.make_node("Flatten", ["pooled"], ["logits"])
    graph = helper.make_graph(
        [pool, flat],
        "means",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, outputs)],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)


@pytest.mark.parametrize("batch", [1, "n"])
def test_onnx(batch: int | str, tmp_path: Path) -> None:
    path = tmp_path / "mine.onnx"
    write_onnx(path, batch)
    with pytest.raises(UserError, match=r"nobody knows its inputs; write .*mine\.json"):
        load_user_classifiers(str(path), {})
    path.with_suffix(".json").write_text(json.dumps(FACTS | {"resolution": 8}))
    name, classifier = only(str(path))
    images = pictures(8)
    logits = ((images / 255 - MEAN) / STD).mean(axis=(1, 2))
    softmax = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert (name, classifier.names) == ("mine", CLASSES)
    np.testing.assert_allclose(classifier.probabilities(images), softmax, atol=1e-5)
    path.write_bytes(b"no model")
    with pytest.raises(UserError, match="not an ONNX model"):
        load_user_classifiers(str(path), {})


def test_answers_that_are_no_numbers_are_no_answers() -> None:
    """The largest of NaN is the first output: a wrong score without a word."""

    def overflow(inputs: torch.Tensor) -> torch.Tensor:
        return (inputs.mean(dim=(2, 3)) * 1e3).exp()

    network = torch.nn.Module()
    network.forward = overflow
    classifier = wrapped(network, Preprocessing(8, [0.0] * 3, [1.0] * 3), 8, unnamed(3))
    dark = np.zeros((1, 8, 8, 3), np.uint8)
    np.testing.assert_allclose(classifier.probabilities(dark), 1 / 3)
    with pytest.raises(UserError, match=r"^--model: some answers are not finite numbers; fetch or train"):
        classifier.probabilities(dark + 255)
