"""The convolutions of an ONNX file, read without the onnx package.

ONNX is a protocol buffer (onnx.proto3): numbered fields, each a varint, a fixed word or a run of bytes.
For weights only the graph's nodes and initialisers count: the field numbers below are all there is to know.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from cgn.errors import UserError

_GRAPH = 7  # of ModelProto
_NODE, _INITIALIZER = 1, 5  # of GraphProto
_INPUT, _OP_TYPE = 1, 4  # of NodeProto
_DIMS, _DATA_TYPE, _NAME, _RAW_DATA = 1, 2, 8, 9  # of TensorProto
_FLOAT = 1  # of TensorProto.DataType


class Convolution(NamedTuple):
    """The weight (output, input, height, width) and the bias (output,) of one Conv node."""

    weight: Tensor
    bias: Tensor


def read_convolutions(path: Path) -> list[Convolution]:
    """The convolutions of an ONNX model, in the order in which they are computed.

    Exporters fold a batch norm that follows a convolution into it. Raises UserError when the file is missing,
    or is no ONNX model with float32 weights and biases.
    """
    try:
        graph = next(
            value for field, value in _fields(memoryview(Path(path).read_bytes())) if field == _GRAPH
        )
        parts = list(_fields(_message(graph)))
        tensors = dict(_tensor(_message(part)) for field, part in parts if field == _INITIALIZER)
        convolutions = []
        for node in (list(_fields(_message(part))) for field, part in parts if field == _NODE):
            if "Conv" in [_text(value) for field, value in node if field == _OP_TYPE]:
                _, weight, bias = (_text(value) for field, value in node if field == _INPUT)
                convolutions.append(Convolution(tensors[weight], tensors[bias]))
    except FileNotFoundError:
        raise UserError(f"{path}: not found; fetch it (see assets.yaml)") from None
    except (StopIteration, IndexError, KeyError, ValueError) as error:
        reason = f"{type(error).__name__} {error}".strip()
        raise UserError(f"{path}: not an ONNX model with float32 convolutions ({reason})") from None
    return convolutions


def _tensor(message: memoryview) -> tuple[str, Tensor]:
    fields = list(_fields(message))
    single = dict(fields)
    if single[_DATA_TYPE] != _FLOAT:
        return _text(single[_NAME]), torch.empty(0)  # shapes and indices, which no convolution holds
    shape = [value for field, value in fields if field == _DIMS and isinstance(value, int)]
    array = np.frombuffer(_message(single[_RAW_DATA]), dtype="<f4").reshape(shape)
    return _text(single[_NAME]), torch.from_numpy(array.copy())


def _fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """(number, value) of each field of a message."""
    position = 0
    while position < len(message):
        key, position = _varint(message, position)
        wire_type = key & 7
        if wire_type == 0:
            value, position = _varint(message, position)
            yield key >> 3, value
            continue
        if wire_type == 2:
            size, position = _varint(message, position)
        elif wire_type in (1, 5):
            size = 8 if wire_type == 1 else 4
        else:
            raise ValueError(f"wire type {wire_type}")
        if position + size > len(message):
            raise ValueError("cut off")
        yield key >> 3, message[position : position + size]
        position += size


def _varint(message: memoryview, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[position]
        position += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, position


def _message(value: int | memoryview) -> memoryview:
    if isinstance(value, int):
        raise ValueError("a number where a message was expected")
    return value


def _text(value: int | memoryview) -> str:
    return bytes(_message(value)).decode()
