"""A trained generator on disk: one safetensors file, whose one metadata key holds its configuration."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from cgn.common.files import atomic_path
from cgn.errors import UserError


def write_generator(path: Path, weights: Mapping[str, Tensor], config: dict[str, Any]) -> None:
    """Write `weights` and `config`, plain values, to `path`."""
    stored = {name: tensor.detach().cpu().contiguous() for name, tensor in weights.items()}
    with atomic_path(path) as temporary:
        save_file(stored, temporary, metadata={"config": json.dumps(config)})


def read_generator(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """What `write_generator` wrote. Raises UserError when `path` is missing, damaged or something else."""
    if not path.exists():
        raise UserError(f"{path}: not found; run the stage that trains it (dvc repro)")
    try:
        with safe_open(path, framework="pt") as file:
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
            return weights, json.loads(file.metadata()["config"])
    except (SafetensorError, KeyError, TypeError) as error:
        raise UserError(f"{path}: not a generator's weights ({error}); delete it and run dvc repro") from None
