"""Reads and writes named numpy arrays in safetensors files. Equal arrays give equal bytes."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from cgn.errors import UserError
from cgn.io.files import atomic_path


def write_arrays(path: Path, arrays: dict[str, NDArray[Any]]) -> None:
    """Writes `arrays` (any dtype and shape) to `path`, atomically."""
    contiguous = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    with atomic_path(path) as temporary:
        save_file(contiguous, temporary)


class Arrays(dict[str, NDArray[Any]]):
    """The arrays of a file by name. An absent one is a UserError, for then the file is of another kind."""

    def __init__(self, path: Path, arrays: dict[str, NDArray[Any]]) -> None:
        super().__init__(arrays)
        self._path = path

    def __missing__(self, name: str) -> NDArray[Any]:
        raise UserError(f"{self._path}: no array {name}; delete it and run dvc repro")


def read_arrays(path: Path) -> Arrays:
    """Reads a file of `write_arrays`. Raises UserError when the file is missing or damaged."""
    if not Path(path).exists():
        raise UserError(f"{path}: not found; run the stage that makes it (dvc repro)")
    try:
        return Arrays(path, load_file(path))
    except Exception as error:  # safetensors has several, e.g. for a type that numpy lacks
        raise UserError(f"{path}: not a safetensors file ({error}); delete it and run dvc repro") from None
