"""Weights and ONNX files."""

import io
import json
import pickle
from pathlib import Path
from typing import Any

import torch
from onnx import TensorProto, helper
from safetensors.torch import save as safetensors
from torch import nn

from cgn.generators.mnist.stored import load_cgn
from cgn.io.arrays import read_arrays
from cgn.io.weights import load_weights, read_state_dict
from cgn.networks.u2net import U2NETP, load_u2net
from cgn.networks.user_models import load_user_classifiers
from tests.unit.bad_input.case import HTML, POINTER, Act, Case, file


class Trap:
    """Writes a file beside the pickle when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, tuple[Path]]:
        return Path.touch, (self.path,)


def torch_file(value: Any, **options: Any) -> bytes:
    buffer = io.BytesIO()
    torch.save(value, buffer, **options)
    return buffer.getvalue()


def trap(form: str) -> Act:
    def act(folder: Path) -> object:
        content = {"weight": Trap(folder / "ran")}
        (folder / "w.pth").write_bytes(
            pickle.dumps(content)
            if form == "pickle"
            else torch_file(content, _use_new_zipfile_serialization=form == "zip")
        )
        return read_state_dict(folder / "w.pth")

    return act


def weights(content: bytes, name: str = "w.pth") -> Act:
    def act(path: Path) -> None:
        load_weights(nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)), read_state_dict(path), path)

    return file(name, content, act)


def state(**changed: Any) -> dict[str, torch.Tensor]:
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    return network.state_dict() | {name.replace("_", ".", 1): value for name, value in changed.items()}


def model(**described: Any) -> bytes:
    """An ONNX model that flattens its images; `described` changes its parts."""
    shape = described.get("shape", [1, 3, 8, 8])
    kind = described.get("kind", TensorProto.FLOAT)
    given = helper.make_tensor_value_info("images", kind, shape)
    logits = helper.make_tensor_value_info("logits", kind, None)
    nodes = [helper.make_node(described.get("operation", "Flatten"), ["images"], ["logits"])]
    graph = helper.make_graph(nodes, "g", [given], [logits])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    if facts := described.get("facts"):
        helper.set_model_props(made, {"facts": facts if isinstance(facts, str) else json.dumps(facts)})
    content: bytes = made.SerializeToString()
    return content


FACTS = {"resolution": 8, "mean": [0, 0, 0], "std": [1, 1, 1]}


def user_model(content: bytes, name: str = "m.onnx") -> Act:
    return file(name, content, lambda path: load_user_classifiers(str(path), {}))


NO_WEIGHTS = r"w\.(pth|safetensors): not a file of weights \(.*\); delete it and fetch it again"
NOT_THESE = r"w\.pth: not the weights of this network: .*; give the file of the architecture"

NETWORKS = [
    Case("weights pickle with code", trap("pickle"), NO_WEIGHTS),
    Case("weights zip with code", trap("zip"), NO_WEIGHTS),
    Case("weights of old torch with code", trap("old"), NO_WEIGHTS),
    Case("weights empty", weights(b""), NO_WEIGHTS),
    Case("weights are HTML", weights(HTML), NO_WEIGHTS),
    Case("weights are a pointer", weights(POINTER), NO_WEIGHTS),
    Case("weights cut", weights(torch_file(state())[:-100]), NO_WEIGHTS),
    Case("weights zip of nothing", weights(b"PK\x05\x06" + bytes(18)), NO_WEIGHTS),
    Case("safetensors empty", weights(b"", "w.safetensors"), NO_WEIGHTS),
    Case("safetensors are a pointer", weights(POINTER, "w.safetensors"), NO_WEIGHTS),
    Case("safetensors cut", weights(safetensors(state())[:-100], "w.safetensors"), NO_WEIGHTS),
    Case("safetensors header of 8 EB", weights(b"\xff" * 64, "w.safetensors"), NO_WEIGHTS),
    Case(
        "weights absent", lambda folder: read_state_dict(folder / "w.pth"), r"w\.pth: not found; fetch it \("
    ),
    Case("weights a folder", lambda folder: read_state_dict(folder), r": not found; fetch it \("),
    Case("weights a list", weights(torch_file([1, 2])), r"w\.pth: holds no state dict; give a file of named"),
    Case("weights of numbers", weights(torch_file({"a": 1})), r"w\.pth: holds no state dict; give a file"),
    Case("weights without names", weights(torch_file({1: torch.zeros(1)})), r"w\.pth: holds no state dict"),
    Case(
        "weights of an odd checkpoint", weights(torch_file({"state_dict": 3})), r"w\.pth: holds no state dict"
    ),
    Case("weights of other names", weights(torch_file({"a": torch.zeros(1)})), NOT_THESE),
    Case("weights of other shapes", weights(torch_file(state(**{"0_bias": torch.zeros(9)}))), NOT_THESE),
    Case(
        "weights with NaN",
        weights(torch_file(state(**{"0_bias": torch.full((4,), torch.nan)}))),
        r"w\.pth: 0\.bias has values that are not finite; fetch or train it again",
    ),
    Case("generator absent", load_cgn, r"weights\.safetensors: not found; run the stage that trains it"),
    Case(
        "generator of another kind",
        file("weights.safetensors", safetensors(state()), lambda path: load_cgn(path.parent)),
        r"weights\.safetensors: not a generator's weights \(.*\); delete it and run dvc repro",
    ),
    Case(
        "generator of other sizes",
        file(
            "weights.safetensors",
            safetensors(state(), {"config": '{"width": -1}'}),
            lambda path: load_cgn(path.parent),
        ),
        r"weights\.safetensors: not a generator's weights \(.*\); delete it and run dvc repro",
    ),
    Case(
        "arrays of another kind",
        file("a.safetensors", safetensors(state()), lambda path: read_arrays(path)["images"]),
        r"a\.safetensors: no array images; delete it and run dvc repro",
    ),
    Case(
        "arrays cut", file("a.safetensors", safetensors(state())[:-9], read_arrays), r"not a safetensors file"
    ),
    Case(
        "U2-Net is HTML",
        file("u.onnx", HTML, lambda path: load_u2net(U2NETP, path)),
        r"u\.onnx: not an ONNX model",
    ),
    Case(
        "U2-Net empty",
        file("u.onnx", b"", lambda path: load_u2net(U2NETP, path)),
        r"u\.onnx: not an ONNX model",
    ),
    Case(
        "U2-Net of another kind",
        file("u.onnx", model(), lambda p: load_u2net(U2NETP, p)),
        r"u\.onnx: not an ONNX",
    ),
    Case("ONNX absent", lambda folder: load_user_classifiers(f"{folder}/m.onnx", {}), r"m\.onnx: not found"),
    Case("ONNX is HTML", user_model(HTML), r"m\.onnx: not an ONNX model \("),
    Case("ONNX is a pointer", user_model(POINTER), r"m\.onnx: not an ONNX model \("),
    Case("ONNX cut", user_model(model()[:-20]), r"m\.onnx: not an ONNX model \("),
    Case(
        "ONNX of an unknown operation", user_model(model(operation="Magic")), r"m\.onnx: not an ONNX model \("
    ),
    Case("ONNX without facts", user_model(model()), r"m\.onnx: nobody knows its inputs; write .*m\.json: {"),
    Case(
        "ONNX of vectors",
        user_model(model(shape=[1, 3], facts=FACTS)),
        r"m\.onnx: its first input is \[1, 3\]; exp",
    ),
    Case(
        "ONNX of bytes",
        user_model(model(kind=TensorProto.UINT8, facts=FACTS)),
        r"m\.onnx: fails on an image of 8",
    ),
    Case(
        "ONNX of images", user_model(model(operation="Relu", facts=FACTS)), r"expected logits \(1, outputs\)"
    ),
    Case(
        "ONNX of other outputs",
        user_model(model(facts=FACTS | {"classes": ["a", "b"]})),
        r"192 outputs and the",
    ),
    Case(
        "ONNX of NaN", user_model(model(operation="Log", facts=FACTS)), r"expected logits|not finite; fetch"
    ),
    Case("facts no JSON", user_model(model(facts="{")), r"m\.onnx: metadata: not valid JSON \("),
    Case(
        "facts with a typo",
        user_model(model(facts=FACTS | {"sdt": 1})),
        r"metadata: sdt: Extra inputs .*; expected",
    ),
    Case(
        "facts with NaN",
        user_model(model(facts=FACTS | {"mean": [float("nan")] * 3})),
        r"metadata: mean\.0: ",
    ),
    Case(
        "facts with std 0",
        user_model(model(facts=FACTS | {"std": [0, 1, 1]})),
        r"metadata: std\.0: .*greater than 0",
    ),
    Case("facts with one class", user_model(model(facts=FACTS | {"classes": ["a"]})), r"metadata: classes: "),
    Case(
        "weights without architecture",
        user_model(b"", "m.pth"),
        r"m\.pth: a file of weights needs its architecture",
    ),
    Case(
        "an unknown module",
        lambda folder: load_user_classifiers("no.such:model", {}),
        r"--model no\.such:model: Mod",
    ),
]
