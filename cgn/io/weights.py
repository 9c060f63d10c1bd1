"""Reads and writes weights. Every name and shape of a tensor must match the network's.

From published files only tensors are read, no pickled objects. A trained generator is one safetensors file
with its configuration under the metadata key `config`.
"""

import json
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from cgn.errors import UserError
from cgn.io.files import atomic_path

Network = TypeVar("Network", bound=nn.Module)


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """Reads the named tensors of a .safetensors file or a torch file (.pth, .bin, .pth.tar), on the CPU.

    Of a training checkpoint, the entry `state_dict` is read. The prefix `module.` of DataParallel is removed.
    Raises UserError when the file is missing, damaged, or holds anything other than tensors.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"{path}: not found; fetch it (see assets.yaml) or run the stage that makes it")
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        with warnings.catch_warnings(action="ignore"):  # torch's are about files that it then refuses
            stored: Any = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged file may fail in any layer of torch.load
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise UserError(f"{path}: not a file of weights ({reason}); delete it and fetch it again") from None
    if isinstance(stored, dict) and isinstance(stored.get("state_dict"), dict):
        stored = stored["state_dict"]
    items = list(stored.items()) if isinstance(stored, dict) else []
    if not items or not all(isinstance(name, str) and isinstance(value, Tensor) for name, value in items):
        raise UserError(f"{path}: holds no state dict; give a file of named tensors")
    return {name.removeprefix("module."): value for name, value in items}


def load_weights(network: nn.Module, state: dict[str, Tensor], source: Path) -> None:
    """Copies `state`, read from the file `source`, into `network`; half precision becomes float32.

    Files saved before torch 0.4.1 lack the counters `num_batches_tracked` of batch norms; these become 0.
    Raises UserError, naming the first tensor, when any other name or a shape differs, or when a value is not
    finite.
    """
    own = network.state_dict()
    counters = {name: torch.zeros_like(own[name]) for name in own if name.endswith("num_batches_tracked")}
    state = counters | state
    differing = sorted(own.keys() ^ state.keys()) + [
        name for name in own if name in state and own[name].shape != state[name].shape
    ]
    if differing:
        name, count = differing[0], len(differing)
        have, want = (list(held[name].shape) if name in held else "absent" for held in (state, own))
        raise UserError(
            f"{source}: not the weights of this network: {count} tensors differ, first {name} "
            f"({have}, expected {want}); give the file of the architecture named in params.yaml"
        )
    broken = [name for name in own if state[name].is_floating_point() and not state[name].isfinite().all()]
    if broken:
        raise UserError(f"{source}: {broken[0]} has values that are not finite; fetch or train it again")
    network.load_state_dict(state, strict=True)


def write_generator(path: Path, weights: Mapping[str, Tensor], config: dict[str, Any]) -> None:
    """Writes `weights` and `config`, a dictionary of JSON values, to `path`, atomically."""
    stored = {name: tensor.detach().cpu().contiguous() for name, tensor in weights.items()}
    with atomic_path(path) as temporary:
        save_file(stored, temporary, metadata={"config": json.dumps(config)})


def load_generator(path: Path, build: Callable[[dict[str, Any]], Network], of_part: str = "") -> Network:
    """Builds a network from the configuration in a file of `write_generator`, and loads its weights; frozen.

    The weights are those of the module `of_part`, of the whole network if it is empty. Raises UserError when
    the file is missing, damaged, or of another kind.
    """
    if not path.exists():
        raise UserError(f"{path}: not found; run the stage that trains it (dvc repro)")
    try:
        with safe_open(path, framework="pt") as file:
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
            network = build(json.loads(file.metadata()["config"]))
    except UserError:
        raise
    except Exception as error:  # of safetensors, or of a network that gets wrong sizes
        reason = f"{type(error).__name__}: {error}"
        raise UserError(
            f"{path}: not a generator's weights ({reason}); delete it and run dvc repro"
        ) from None
    load_weights(network.get_submodule(of_part), weights, path)
    return network.eval().requires_grad_(False)
