"""Each asset's loader on random weights in the file format of its publisher: names, prefixes, containers."""

import tarfile
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from PIL import Image
from pytorch_pretrained_biggan import BigGAN
from torch import Tensor, nn
from torchvision import models

from cgn.data.photos.photos import unpack_set
from cgn.evaluation.background_gap import in9_scores
from cgn.evaluation.shape_bias import shape_bias_scores
from cgn.generators.pretraining.published import store_vgg
from cgn.io.assets import Asset
from cgn.io.image_folders import Skipped
from cgn.io.weights import read_state_dict
from cgn.networks import u2net
from cgn.networks.biggan import BIGGAN_DEEP_256, biggan_config, build_biggan, load_biggan
from cgn.networks.pretrained import load_classifier
from cgn.networks.published import torchvision_network
from cgn.networks.u2net import PUBLISHED_U2NETS, U2NETP, U2Net, load_u2net
from tests.unit.generators.imagenet.conftest import TINY
from tests.unit.networks.old_torch import save_as_old_torch, without_counters


def same(found: nn.Module, expected: dict[str, Tensor]) -> bool:
    state = found.state_dict()
    return all(torch.equal(state[name], value) for name, value in expected.items())


def test_biggan_of_its_package(tmp_path: Path) -> None:
    """pytorch_model.bin is the state dict of the package's own class, with the vectors of spectral norm."""
    torch.manual_seed(0)
    network = BigGAN(biggan_config(TINY))
    state = {name: torch.rand_like(value) for name, value in network.state_dict().items()}
    save_as_old_torch(state, tmp_path / "biggan-deep-256-pytorch_model.bin")
    assert same(load_biggan(TINY, tmp_path / "biggan-deep-256-pytorch_model.bin"), state)


def test_the_full_biggan_has_the_names_of_its_package() -> None:
    narrow = BIGGAN_DEEP_256._replace(width=8)  # the names do not depend on the width
    theirs = BigGAN(biggan_config(narrow)).state_dict()
    ours = build_biggan(narrow, seed=0).state_dict()
    assert {name: value.shape for name, value in ours.items()} == {n: v.shape for n, v in theirs.items()}


def exported(network: U2Net, path: Path) -> None:
    """Writes the convolutions in the order of computation, with their batch norms folded, as exporters do."""
    names = {module: name for name, module in network.named_modules()}
    order: list[str] = []
    hooks = [
        module.register_forward_hook(lambda module, *_: order.append(names[module]))
        for module in network.modules()
        if isinstance(module, nn.Conv2d | nn.BatchNorm2d)
    ]
    with torch.inference_mode():
        network(torch.zeros(1, 3, 32, 32))
    for hook in hooks:
        hook.remove()
    nodes, tensors = [], []
    for place, name in enumerate(order):
        module = network.get_submodule(name)
        if not isinstance(module, nn.Conv2d):
            continue
        weight, bias = module.weight.detach(), module.bias.detach()
        following = network.get_submodule(order[place + 1]) if place + 1 < len(order) else None
        if isinstance(following, nn.BatchNorm2d):
            scale = following.weight.detach() / (following.running_var + following.eps).sqrt()
            weight = weight * scale[:, None, None, None]
            bias = (bias - following.running_mean) * scale + following.bias.detach()
        for kind, tensor in (("w", weight), ("b", bias)):
            tensors.append(onnx.numpy_helper.from_array(tensor.numpy(), f"{kind}{place}"))
        nodes.append(onnx.helper.make_node("Conv", [f"x{place}", f"w{place}", f"b{place}"], [f"y{place}"]))
        nodes.append(onnx.helper.make_node("Relu", [f"y{place}"], [f"z{place}"]))
    graph = onnx.helper.make_graph(nodes, "torch-jit-export", [], [], tensors)
    path.write_bytes(onnx.helper.make_model(graph, producer_name="pytorch").SerializeToString())


@pytest.mark.parametrize("name", ["u2net", "u2netp"])
def test_u2net_of_rembg(name: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = U2Net(PUBLISHED_U2NETS[name]).eval()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            for tensor in (module.running_mean, module.running_var, module.weight, module.bias):
                nn.init.uniform_(tensor, 0.5, 1.5)
    path = tmp_path / f"{name}.onnx"
    exported(network, path)
    assert u2net.published_u2net(path) == name
    images = torch.rand(1, 3, 64, 64)
    with torch.inference_mode():
        expected, found = network(images), load_u2net(PUBLISHED_U2NETS[name], path)(images)
    scale = float(expected.abs().max())
    assert torch.allclose(found, expected, atol=1e-4 * scale)


def test_u2net_of_its_authors(tmp_path: Path) -> None:
    torch.manual_seed(0)
    state = without_counters(U2Net(U2NETP).state_dict(), prefix="module.")
    save_as_old_torch(state, tmp_path / "u2netp.pth")
    assert u2net.published_u2net(tmp_path / "u2netp.pth") == "u2netp"
    expected = {name.removeprefix("module."): value for name, value in state.items()}
    assert same(load_u2net(U2NETP, tmp_path / "u2netp.pth"), expected)


def test_vgg16_of_torchvision(tmp_path: Path) -> None:
    with torch.device("meta"):
        layout = models.vgg16_bn().state_dict()
    # One stored number a tensor keeps the file small.
    state = {
        name: torch.tensor(float(number)).expand(value.shape)
        for number, (name, value) in enumerate(without_counters(layout).items())
    }
    save_as_old_torch(without_counters(state), tmp_path / "vgg16_bn-6c64b313.pth", gpu=False)
    store_vgg(tmp_path, tmp_path / "vgg16_bn-6c64b313.pth")
    stored = read_state_dict(tmp_path / "vgg.safetensors")
    assert all(torch.equal(stored[name], value) for name, value in state.items())


def test_resnet50_of_torchvision(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    torch.manual_seed(0)
    state = without_counters(models.resnet50().state_dict())
    (tmp_path / "hub/checkpoints").mkdir(parents=True)
    save_as_old_torch(state, tmp_path / "hub/checkpoints/resnet50-0676ba61.pth", gpu=False)
    network, preprocessing = torchvision_network("resnet50")
    assert same(network, state)
    assert preprocessing.resolution == 224


@pytest.mark.parametrize("counters", [True, False])
def test_resnet50_of_stylized_imagenet(
    counters: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A training checkpoint of DataParallel, with its optimizer and its best accuracy on the GPU."""
    monkeypatch.setenv("CGN_MIRRORS", str(tmp_path))
    torch.manual_seed(0)
    network = models.resnet50().eval()
    state = network.state_dict()
    optimizer = torch.optim.SGD(network.parameters(), 0.1, momentum=0.9, weight_decay=1e-4)
    for parameter in network.parameters():
        optimizer.state[parameter]["momentum_buffer"] = torch.zeros(1)
    checkpoint = {
        "epoch": 60,
        "arch": "resnet50",
        "state_dict": {f"module.{name}": value for name, value in state.items()}
        if counters
        else without_counters(state, prefix="module."),
        "best_prec1": torch.tensor([60.18]),
        "optimizer": optimizer.state_dict(),
    }
    name = "resnet50_train_60_epochs-c8e5653e.pth.tar"
    save_as_old_torch(checkpoint, tmp_path / name)
    asset = Asset(url=f"https://example.org/{name}", sha256=None, licence="none")
    images = np.random.default_rng(0).integers(256, size=(1, 224, 224, 3), dtype=np.uint8)
    found = load_classifier("resnet50_sin", {"resnet50_sin": asset}).probabilities(images)
    mean, deviation = (torch.tensor(v).view(3, 1, 1) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    with torch.inference_mode():
        inputs = (torch.from_numpy(images).permute(0, 3, 1, 2) / 255 - mean) / deviation
        expected = network(inputs).softmax(dim=1).numpy()
    np.testing.assert_allclose(found, expected, atol=1e-6)


def archive(folder: Path, top: str, files: list[str], to: Path) -> None:
    """A tar.gz as macOS makes it: a file ._name beside each image of 224 pixels."""
    with tarfile.open(to, "w:gz") as tar:
        for number, name in enumerate(files):
            path = folder / top / name
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (224, 224), (number * 9 % 256, 80, 120)).save(path)
            beside = path.with_name(f"._{path.name}")
            beside.write_bytes(b"\0")
            for file in (beside, path):
                tar.add(file, str(file.relative_to(folder)))


def test_the_published_test_sets(tmp_path: Path) -> None:
    """At 224 pixels the images keep their size, and both scores read the unpacked folders."""
    classes = ["00_dog", "01_bird", "02_wheeled vehicle", "03_reptile", "04_carnivore", "05_insect"]
    classes += ["06_musical instrument", "07_primate", "08_fish"]
    variants = [
        "original",
        "mixed_same",
        "mixed_rand",
        "mixed_next",
        "no_fg",
        "only_bg_b",
        "only_bg_t",
        "only_fg",
    ]
    of_in9 = [
        f"{variant}/val/{name}/fg_{name}_{n}.JPEG" for variant in variants for name in classes for n in (1, 2)
    ]
    stimuli = ["airplane/airplane1-bicycle2.png", "airplane/airplane2-airplane1.png", "cat/cat7-oven1.png"]
    archive(tmp_path / "a", "bg_challenge", of_in9, tmp_path / "backgrounds_challenge_data.tar.gz")
    archive(tmp_path / "b", "cue-conflict", stimuli, tmp_path / "cue-conflict.tar.gz")
    unpack_set(tmp_path / "backgrounds_challenge_data.tar.gz", tmp_path / "in9", 224)
    unpack_set(tmp_path / "cue-conflict.tar.gz", tmp_path / "cues", 224)
    assert len(list((tmp_path / "in9").rglob("*.png"))) == len(of_in9)
    classifier = load_classifier("efficientnet_lite0", {})
    scores = in9_scores(classifier, tmp_path / "in9", Skipped())
    assert scores["images"] == dict.fromkeys(variants, 18)
    assert shape_bias_scores(classifier, tmp_path / "cues", Skipped())["images"] == 2
