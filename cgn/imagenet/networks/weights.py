"""Weights from a file into a network: nothing but tensors is read, and every name and shape must agree."""

import pickle
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from cgn.errors import UserError


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """The named tensors of a .safetensors file or of a torch file (.pth, .bin, .pth.tar), on the CPU.

    A training checkpoint gives its `state_dict`; the prefix `module.` of DataParallel is taken off.
    Raises UserError when the file is missing, damaged, or holds something else than tensors.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"{path}: not found; fetch it (assets in params.yaml) or run the stage that makes it")
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        stored: Any = torch.load(path, map_location="cpu", weights_only=True)
    except (SafetensorError, RuntimeError, EOFError, OSError, pickle.UnpicklingError) as error:
        reason = str(error).split("\n")[0]
        raise UserError(f"{path}: not a file of weights ({reason}); delete it and fetch it again") from None
    stored = stored.get("state_dict", stored) if isinstance(stored, dict) else {}
    tensors = {name.removeprefix("module."): value for name, value in stored.items()}
    if not tensors or not all(isinstance(value, Tensor) for value in tensors.values()):
        raise UserError(f"{path}: holds no state dict; give a file of named tensors")
    return tensors


def load_weights(network: nn.Module, state: dict[str, Tensor], source: Path) -> None:
    """Copy `state`, which came from `source`, into `network`; half precision is widened.

    Batch norms saved before torch 0.4.1 have no `num_batches_tracked`, which only counts: absent ones are 0.
    Raises UserError, naming the first tensor, when another name or a shape differs.
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
    network.load_state_dict(state, strict=True)
