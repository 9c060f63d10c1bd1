"""Loads a classifier that a user has, with the facts that it tells about its classes and inputs.

MODEL is one of
- a published name, or the folder of a classifier trained here: see `image_classifier.load_image_classifiers`;
- `FOLDER:HEAD`, one head of an ensemble trained here;
- `model.onnx`;
- `ARCHITECTURE:FILE`, one of torchvision's or `efficientnet_lite0`, with a file of weights;
- `package.module:function`, the user's own code, which returns a network and its preprocessing.

Facts are JSON (see `preprocessing.KEYS`): in the file's metadata under the key `facts`, or in a file of the
same name that ends with .json.
"""

import importlib
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from safetensors import safe_open
from torch import Tensor, nn

from cgn.errors import UserError
from cgn.io.assets import Asset
from cgn.io.weights import load_weights, read_state_dict
from cgn.networks.image_classifier import (
    ImageClassifier,
    load_image_classifiers,
    meaning_of,
    unnamed,
    wrapped,
)
from cgn.networks.preprocessing import KEYS, Facts, Preprocessing, facts_beside, facts_of

Preprocess = Callable[[NDArray[np.uint8]], Tensor]
_WEIGHTS = (".safetensors", ".pth", ".pt", ".bin", ".tar")
_USUAL = 224  # pixels of an image, to see the size of the input that a user's function makes of it


def load_user_classifiers(model: str, resnet50s: Mapping[str, Asset]) -> dict[str, ImageClassifier]:
    """The classifiers of MODEL by name; only the folder of an ensemble has more than one.

    Raises UserError when MODEL is none of the kinds above, when something that it needs is missing or
    damaged, or when its facts do not fit it.
    """
    before, _, after = model.rpartition(":")
    if Path(model).is_dir():
        return load_image_classifiers(model, resnet50s)
    if before and Path(before).is_dir():
        return {after: _head(load_image_classifiers(before, resnet50s), after, before)}
    if model.lower().endswith(".onnx"):
        return {Path(model).stem: _onnx(Path(model))}
    if before and after.lower().endswith(_WEIGHTS):
        return {Path(after).stem: _architecture(before, Path(after))}
    if before:
        return {after: _of_function(before, after)}
    if Path(model).suffix.lower() in _WEIGHTS:
        raise UserError(f"{model}: a file of weights needs its architecture: --model resnet50:{model}")
    return load_image_classifiers(model, resnet50s)


def scores_by_model(
    models: Sequence[str],
    resnet50s: Mapping[str, Asset],
    score: Callable[[ImageClassifier], dict[str, Any]],
) -> dict[str, Any]:
    """Applies `score` to the classifiers of `models`; returns scores by name, or the only score.

    Raises UserError when two classifiers have the same name, and as `load_user_classifiers`.
    """
    named = [item for model in models for item in load_user_classifiers(model, resnet50s).items()]
    names = [name for name, _ in named]
    if len(set(names)) < len(names):
        raise UserError(f"--model: two models of one name ({', '.join(names)}); score them apart")
    scores = {name: score(classifier) for name, classifier in named}
    return scores[names[0]] if len(models) == len(scores) == 1 else scores


def _head(named: dict[str, ImageClassifier], head: str, folder: str) -> ImageClassifier:
    if head not in named:
        raise UserError(f"{folder}:{head}: no such head; this folder has {', '.join(named) or 'none'}")
    return named[head]


def _architecture(name: str, path: Path) -> ImageClassifier:
    """A published architecture with the user's weights; without facts, inputs are as the architecture's."""
    from cgn.networks.published import published_layout  # late: torchvision takes 2 s

    state = read_state_dict(path)
    stored = None
    if path.suffix == ".safetensors":
        with safe_open(path, framework="pt") as file:
            stored = (file.metadata() or {}).get("facts")
    facts = facts_beside(path, stored)
    network, preprocessing = published_layout(name, state)
    load_weights(network, state, path)
    preprocessing = facts.preprocessing if facts else preprocessing
    return _checked(network, preprocessing, preprocessing.resolution, facts, str(path))


def _onnx(path: Path) -> ImageClassifier:
    """An ONNX file; its first input takes images (n, 3, h, w), its first output are logits (n, outputs)."""
    if not path.is_file():
        raise UserError(f"{path}: not found")
    try:
        import onnxruntime
    except ImportError:
        raise UserError(f"{path}: needs the package onnxruntime; pip install onnxruntime") from None
    try:
        # Without its fallback, which prints and tries the same again.
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"], enable_fallback=0)
        stored, inputs = session.get_modelmeta().custom_metadata_map.get("facts"), session.get_inputs()
    except Exception as error:  # onnxruntime's errors have no common class
        raise UserError(f"{path}: not an ONNX model ({' '.join(str(error).split())[:200]})") from None
    facts = facts_beside(path, stored)
    if facts is None:
        raise UserError(f"{path}: nobody knows its inputs; write {path.with_suffix('.json')}: {KEYS}")
    if not inputs or len(inputs[0].shape) != 4:
        shape = inputs[0].shape if inputs else "none"
        raise UserError(f"{path}: its first input is {shape}; expected images (n, 3, h, w)")
    first = inputs[0]
    one_by_one = first.shape[0] == 1

    class Session(nn.Module):
        """The session as a network."""

        def forward(self, images: Tensor) -> Tensor:
            batch = 1 if one_by_one else len(images)
            starts = range(0, len(images), batch)
            parts = [images[start : start + batch].cpu().numpy() for start in starts]
            outputs = [session.run(None, {first.name: part})[0] for part in parts]
            return torch.from_numpy(np.concatenate(outputs))

    return _checked(Session(), facts.preprocessing, facts.resolution, facts, str(path))


def _of_function(module: str, function: str) -> ImageClassifier:
    """The user's code: a function without arguments that returns a network and its preprocessing.

    The preprocessing is a dictionary of facts, a preset of torchvision, or any function that maps a PIL
    image to an input (3, h, w).
    """
    source = f"{module}:{function}"
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))  # as `python -m` does
    try:
        network, given = getattr(importlib.import_module(module), function)()
        facts, preprocess, resolution = _preprocessing(given, source)
    except UserError:
        raise
    except Exception as error:  # whatever the user's code raises
        reason = " ".join(str(error).split())
        raise UserError(f"--model {source}: {type(error).__name__}: {reason}") from None
    if not isinstance(network, nn.Module):
        raise UserError(f"--model {source}: returns {type(network).__name__}, not a torch.nn.Module, first")
    return _checked(network, preprocess, resolution, facts, source)


def _preprocessing(given: Any, source: str) -> tuple[Facts | None, Preprocess, int]:
    if isinstance(given, Mapping):
        facts = facts_of(dict(given), source)
        return facts, facts.preprocessing, facts.resolution
    if all(hasattr(given, name) for name in ("crop_size", "mean", "std")):  # torchvision's presets
        published = Preprocessing(given.crop_size[0], given.mean, given.std)
        return None, published, published.resolution
    if not callable(given):
        raise UserError(f"--model {source}: preprocessing: neither a function nor facts: {KEYS}")

    def preprocess(images: NDArray[np.uint8]) -> Tensor:
        return torch.stack([given(Image.fromarray(image)) for image in images])

    return None, preprocess, int(given(Image.new("RGB", (_USUAL, _USUAL))).shape[-1])


def _checked(
    network: nn.Module, preprocess: Preprocess, resolution: int, facts: Facts | None, source: str
) -> ImageClassifier:
    """Wraps a network, after a try that it takes its images and that its outputs have as many names."""
    image = np.zeros((1, resolution, resolution, 3), dtype=np.uint8)
    try:
        with torch.inference_mode():
            logits = network.eval().cpu()(preprocess(image))
    except Exception as error:  # whatever a network raises that gets wrong inputs
        reason = " ".join(str(error).split())[:200]
        raise UserError(f"{source}: fails on an image of {resolution} pixels ({reason})") from None
    if not isinstance(logits, Tensor) or logits.ndim != 2 or len(logits) != 1:
        shape = list(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
        raise UserError(f"{source}: returns {shape} for one image; expected logits (1, outputs)")
    if not logits.isfinite().all():
        raise UserError(f"{source}: answers a black image with values that are not finite; fetch it again")
    outputs = logits.shape[1]
    if facts is None or facts.classes is None:
        return wrapped(network, preprocess, resolution, unnamed(outputs))
    if len(facts.classes) != outputs:
        raise UserError(f"{source}: {outputs} outputs and the names of {len(facts.classes)} classes")
    return wrapped(network, preprocess, resolution, meaning_of(facts.classes))
