"""Checkpoints of trainings, outside DVC's outputs because DVC deletes those before a stage runs again."""

import hashlib
import json
import logging
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from pydantic import BaseModel

from cgn import ranks
from cgn.io.files import atomic_path

log = logging.getLogger(__name__)


def fingerprint(params: Any, inputs: list[Path]) -> str:
    """Hashes parameters, the bytes of the input files or folders, and the project's modules loaded so far.

    Inputs may be large, so the first rank alone reads them, and tells the others. All ranks have to call it.
    """
    return ranks.shared(_own_fingerprint(params, inputs) if ranks.first() else "")


def _own_fingerprint(params: Any, inputs: list[Path]) -> str:
    digest = hashlib.sha256()
    digest.update(json.dumps(params, sort_keys=True, default=_plain).encode())
    for path in inputs:
        files = sorted(path.rglob("*")) if path.is_dir() else [path]
        for file in (file for file in files if file.is_file()):
            digest.update(file.name.encode() + file.read_bytes())
    ours = {"cgn", "stages", "experiments", "__main__"}  # `__main__` is the stage that runs
    modules = sorted((name, module) for name, module in sys.modules.items() if name.split(".")[0] in ours)
    for name, module in modules:
        source = getattr(module, "__file__", None)
        if source:
            digest.update(name.encode() + Path(source).read_bytes())
    return digest.hexdigest()


def _plain(value: Any) -> Any:
    return value.model_dump() if isinstance(value, BaseModel) else str(value)


class Checkpoint:
    """One file with the latest state of a training and the fingerprint of what the training depends on.

    The first rank writes it, and all read it, whatever their number was when it was written.
    """

    def __init__(self, path: Path, fingerprint: str, every_seconds: float = 30) -> None:
        self.path = Path(path)
        self.fingerprint = fingerprint
        self.every_seconds = every_seconds
        self._saved_at = time.monotonic()

    def load(self) -> dict[str, Any] | None:
        """The saved state. None if there is none; None and a warning if it is damaged or of another run.

        Its tensors are on the CPU, not on the GPU that wrote them, which is the first rank's.
        """
        if not self.path.exists():
            return None
        try:
            stored = torch.load(self.path, map_location="cpu", weights_only=True)
        except Exception as error:  # a damaged file may fail in any layer of torch.load
            log.warning("%s cannot be read (%s): starting over", self.path, type(error).__name__)
            return None
        if not isinstance(stored, dict) or stored.get("fingerprint") != self.fingerprint:
            log.warning("%s is of other parameters, inputs or code: starting over", self.path)
            return None
        state: dict[str, Any] = stored["state"]
        return state

    def save_if_due(self, state: Callable[[], dict[str, Any]]) -> None:
        """Saves `state()` if the last save is at least `every_seconds` ago."""
        if ranks.first() and time.monotonic() - self._saved_at >= self.every_seconds:
            self.save(state())

    def save(self, state: dict[str, Any]) -> None:
        """Saves `state`, tensors and plain values, atomically."""
        if not ranks.first():
            return
        # Through a stream, whose errors are Python's.
        with atomic_path(self.path) as temporary, temporary.open("wb") as stream:
            torch.save({"fingerprint": self.fingerprint, "state": state}, stream)
        self._saved_at = time.monotonic()

    def remove(self) -> None:
        """Deletes the file, once the training's outputs are written."""
        if ranks.first():
            self.path.unlink(missing_ok=True)
