"""Outputs appear whole or not at all: written under a temporary name, then moved. Where users' files lie.

A folder that the graph expects and a world does not have holds one line, which says why (`leave_out`).
"""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cgn.errors import UserError


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary sibling of `path` for a file or a folder; move it to `path` on success.

    An existing `path` is replaced. When the block raises, the temporary is removed and `path` is
    left as it was. Raises UserError when nothing can be written there.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{path.parent}: cannot be made ({error.strerror}); choose another folder") from None
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise UserError(f"{path.parent}: not writable; change its rights or choose another folder")
    temporary = path.with_name(f".{path.name}.tmp")
    _remove(temporary)  # what a killed process left
    try:
        yield temporary
        if path.is_dir():
            _remove(path)
        temporary.replace(path)
    finally:
        _remove(temporary)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """`atomic_path` for a folder, which exists and is empty when the block starts."""
    with atomic_path(path) as temporary:
        temporary.mkdir()
        yield temporary


def write_json(path: Path, value: Any) -> None:
    """Write `value` as indented JSON with a final newline, atomically."""
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")


def read_json(path: Path) -> Any:
    """Read a JSON file. Raises UserError when it is missing or is not JSON."""
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path}: not found; run the stage that makes it (dvc repro)") from None
    except ValueError as error:  # no JSON, or no UTF-8
        raise UserError(f"{path}: not valid JSON ({error})") from None


def located(path: str) -> Path:
    """A user's file or folder as an absolute path, `~` expanded; a relative one lies in the repository.

    That also holds in a temporary copy of it, where `dvc exp run --temp` and DVC's queue run stages.
    """
    here = Path.cwd()
    for folder in here.parents:
        if folder.name == "exps" and folder.parent.name == "tmp" and folder.parents[1].name == ".dvc":
            here = folder.parents[2]
    return here / Path(path).expanduser()


NOTE = "left_out.txt"


def leave_out(folder: Path, reason: str) -> None:
    """Make `folder` anew with nothing but `reason`, one line, in it."""
    with atomic_folder(folder) as temporary:
        (temporary / NOTE).write_text(reason + "\n", encoding="utf-8")


def why_left_out(folder: Path) -> str | None:
    """The reason that `leave_out` left in `folder`; None when the folder is what it should be."""
    note = Path(folder) / NOTE
    return note.read_text(encoding="utf-8").strip() if note.is_file() else None
