"""Reads the convolutions of an ONNX file with the package `onnx`."""

from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from cgn.errors import UserError


class Convolution(NamedTuple):
    """The weight (output, input, height, width) and the bias (output,) of one Conv node."""

    weight: Tensor
    bias: Tensor


def read_convolutions(path: Path) -> list[Convolution]:
    """Reads the convolutions of an ONNX model, in the order of computation.

    Exporters fold batch norms into the convolutions before them. Raises UserError when the file is missing or
    is not an ONNX model with float32 weights and biases, or when the package is not installed.
    """
    if not path.is_file():
        raise UserError(f"{path}: not found; fetch it (see assets.yaml)")
    try:
        import onnx
    except ImportError:
        raise UserError(
            f"{path}: needs the package onnx; pip install onnx, or give a .pth or .safetensors file"
        ) from None
    try:
        graph = onnx.load(path).graph
        tensors = {
            tensor.name: torch.from_numpy(onnx.numpy_helper.to_array(tensor).copy())
            for tensor in graph.initializer
            if tensor.data_type == onnx.TensorProto.FLOAT
        }
        nodes = [node for node in graph.node if node.op_type == "Conv"]
        if not nodes:
            raise ValueError("no convolution")
        return [Convolution(tensors[weight], tensors[bias]) for _, weight, bias in (n.input for n in nodes)]
    except Exception as error:  # of protobuf, of numpy, or of a node without its two tensors
        reason = f"{type(error).__name__} {error}".strip()
        raise UserError(f"{path}: not an ONNX model with float32 convolutions ({reason})") from None
