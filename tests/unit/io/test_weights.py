"""Weights from files: only tensors are read, and every mistake is one line."""

from functools import partial
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torchvision.models import resnet50

from cgn.errors import UserError
from cgn.io.weights import load_weights, read_state_dict
from cgn.networks.u2net import U2NETP, U2Net, load_u2net, published_u2net
from cgn.networks.vgg import VGG16, PublishedVGG


@pytest.fixture
def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))


def test_a_checkpoint_of_data_parallel_loads(network: nn.Module, tmp_path: Path) -> None:
    """The form of the published Stylized-ImageNet checkpoints."""
    path = tmp_path / "model.pth.tar"
    state = {f"module.{name}": value for name, value in network.state_dict().items()}
    torch.save({"epoch": 60, "arch": "resnet50", "state_dict": state}, path)
    other = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    load_weights(other, read_state_dict(path), path)
    assert all(torch.equal(value, network.state_dict()[name]) for name, value in other.state_dict().items())


def test_half_precision_is_widened(network: nn.Module, tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    save_file({name: value.half() for name, value in network.state_dict().items()}, path)
    other = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    load_weights(other, read_state_dict(path), path)
    weight = next(other.parameters())
    assert weight.dtype == torch.float32
    assert torch.allclose(weight, next(network.parameters()), atol=1e-3)


def test_counters_of_batch_norms_may_be_absent(network: nn.Module) -> None:
    """As in all files from before torch 0.4.1."""
    counter = "1.num_batches_tracked"
    state = {name: value for name, value in network.state_dict().items() if name != counter}
    other = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    other[1].num_batches_tracked.fill_(7)
    load_weights(other, state, Path("old.pth"))
    assert other[1].num_batches_tracked == 0
    assert all(torch.equal(value, other.state_dict()[name]) for name, value in state.items())


@pytest.mark.parametrize("name", ["u2netp", "vgg16_bn", "resnet50"])
def test_published_networks_without_counters(name: str, tmp_path: Path) -> None:
    networks = {
        "u2netp": partial(U2Net, U2NETP),
        "vgg16_bn": partial(PublishedVGG, VGG16),
        "resnet50": resnet50,
    }
    network, path = networks[name](), tmp_path / f"{name}.pth"
    state = network.state_dict()
    old = {key: value for key, value in state.items() if not key.endswith("num_batches_tracked")}
    assert len(old) < len(state)
    torch.save(old, path)
    if name == "u2netp":
        assert published_u2net(path) == name
        network = load_u2net(U2NETP, path)
    else:
        load_weights(network, read_state_dict(path), path)
    assert all(torch.equal(value, network.state_dict()[key]) for key, value in old.items())


def test_code_in_a_pickle_is_not_run(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return Path.touch, (tmp_path / "ran",)

    path = tmp_path / "trap.pth"
    torch.save({"weight": Trap()}, path)
    with pytest.raises(UserError, match=r"trap\.pth: not a file of weights"):
        read_state_dict(path)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("name", ["weights.pth", "weights.safetensors"])
def test_a_cut_off_file(network: nn.Module, name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    if path.suffix == ".pth":
        torch.save(network.state_dict(), path)
    else:
        save_file(network.state_dict(), path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(UserError, match=rf"{name}: not a file of weights") as failure:
        read_state_dict(path)
    assert "\n" not in str(failure.value)


def test_absent_and_empty_files(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"nowhere\.pth: not found"):
        read_state_dict(tmp_path / "nowhere.pth")
    path = tmp_path / "list.pth"
    torch.save([1, 2], path)
    with pytest.raises(UserError, match=r"list\.pth: holds no state dict"):
        read_state_dict(path)


def test_names_the_tensor_that_differs(network: nn.Module) -> None:
    state = {**network.state_dict(), "0.weight": torch.zeros(4, 1, 3, 3)}
    with pytest.raises(
        UserError,
        match=r"a\.pth: .* 1 tensors differ, first 0\.weight \(\[4, 1, 3, 3\], expected \[4, 3, 3, 3\]\)",
    ):
        load_weights(network, state, Path("a.pth"))
    del state["0.weight"]
    with pytest.raises(UserError, match=r"first 0\.weight \(absent, expected \[4, 3, 3, 3\]\)"):
        load_weights(network, state, Path("a.pth"))
