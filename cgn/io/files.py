"""Writes files and folders atomically, resolves the users' paths, and marks outputs that are left out.

An output is written under a temporary name and then moved, so no reader sees a part of it. Some worlds cannot
fill every folder that the graph expects; such a folder holds one line with the reason (`leave_out`).
"""

import json
import os
import re
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from glob import escape
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unicodedata import normalize

from cgn import ranks
from cgn.errors import UserError


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yields a path in a temporary folder, for a file or a folder, and moves it to `path` on success.

    An existing `path` is replaced. If the block raises, the temporary folder is removed and `path` stays as
    it was. What a killed process left there, also the temporary files of libraries, goes with the next call
    on the same host. Only the first rank writes; what others write is thrown away. Raises UserError when the
    parent folder cannot be made or written to, and OSError, which names `path`, when the disk is full.
    """
    path = Path(path)
    if not ranks.first():
        with TemporaryDirectory() as elsewhere:
            yield Path(elsewhere) / path.name
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{path.parent}: cannot be made ({error.strerror}); choose another folder") from None
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise UserError(f"{path.parent}: not writable; change its rights or choose another folder")
    # With the host: on a disk that several share, the number of another's process says nothing here.
    start, end = f".{path.name}.", f"@{socket.gethostname()}.tmp"
    for left in path.parent.glob(f"{escape(start)}*{escape(end)}"):
        process = left.name.removeprefix(start).removesuffix(end)
        if process.isdecimal() and not _runs_elsewhere(int(process)):
            _remove(left)
    own = path.with_name(f"{start}{os.getpid()}{end}")  # another process may write to `path` now
    try:
        own.mkdir()
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from None
    try:
        yield (temporary := own / path.name)
        if path.is_dir():
            _remove(path)
        temporary.replace(path)
    except UserError:
        raise
    except Exception as error:
        if fault := _fault_of_disk(error):
            raise OSError(fault, os.strerror(fault), str(path)) from None
        raise
    finally:
        _remove(own)


def _fault_of_disk(error: BaseException | None) -> int | None:
    """The number of an error of the system that names no file, e.g. of a full disk.

    That of safetensors is a text, and that of torch the context of another error.
    """
    if isinstance(error, OSError):
        return error.errno if error.filename is None else None
    number = re.search(r"\(os error (\d+)\)$", str(error))
    return int(number[1]) if number else _fault_of_disk(error.__context__) if error else None


def _runs_elsewhere(process: int) -> bool:
    """Whether the process of this number is another one that runs."""
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # of another user
        return True
    return process != os.getpid()


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Does the same as `atomic_path` for a folder, and makes the temporary folder, empty."""
    with atomic_path(path) as temporary:
        temporary.mkdir()
        yield temporary


@contextmanager
def new_folder(path: Path, mark: str) -> Iterator[Path]:
    """Does the same as `atomic_folder`, but replaces only an empty folder or one that has a file `mark`.

    `mark` is a file that the block writes. Raises UserError for other folders and for files, and as
    `atomic_path`.
    """
    path = Path(path).absolute()
    if path.exists() and not (path / mark).is_file() and not (path.is_dir() and not any(path.iterdir())):
        raise UserError(f"{path}: exists and is not what this command wrote; choose another folder")
    with atomic_folder(path) as temporary:
        yield temporary


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Keeps `folder` for this process during the block. Raises UserError when another one has it."""
    import fcntl  # late: only where flock exists

    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w", encoding="utf-8") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(f"{folder}: another command writes there; wait, or choose another") from None
        yield


def write_json(path: Path, value: Any) -> None:
    """Writes `value` as indented JSON with a final newline, atomically."""
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")


def read_json(path: Path) -> Any:
    """Reads a JSON file. Raises UserError when it is missing or is not JSON."""
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path}: not found; run the stage that makes it (dvc repro)") from None
    except (ValueError, RecursionError) as error:  # not JSON, or not UTF-8
        raise UserError(f"{path}: not valid JSON ({error}); delete it and run dvc repro") from None


def located(path: str) -> Path:
    """The absolute path of a user's file or folder; `~` is expanded.

    A relative path starts at the repository's root, even if the stage runs in a temporary copy of the
    repository (`dvc exp run --temp`, DVC's queue). A name that the disk has in another of Unicode's normal
    forms is found. Raises UserError for `~name` of an unknown user, and for a path that no file of parameters
    and no page could hold.
    """
    if not is_utf_8(path):
        raise UserError(f"{printable(Path(path))}: the path is no UTF-8; rename what is not")
    here = Path.cwd()
    for folder in here.parents:
        if folder.name == "exps" and folder.parent.name == "tmp" and folder.parents[1].name == ".dvc":
            here = folder.parents[2]
    try:
        whole = here / Path(path).expanduser()
    except RuntimeError:
        raise UserError(f"{path}: no such user; write the path in full") from None
    return whole if whole.exists() else _in_another_normal_form(whole)


def _in_another_normal_form(path: Path) -> Path:
    """The path on the disk whose parts equal those of `path` in form C; `path` itself if there is none."""
    found = Path(path.anchor)
    for part in path.parts[1:]:
        if not (found / part).exists() and found.is_dir():
            names = (entry.name for entry in found.iterdir())
            alike = (name for name in names if normalize("NFC", name) == normalize("NFC", part))
            found /= next(alike, part)
        else:
            found /= part
    return found if found.exists() else path


def printable(path: Path) -> str:
    """The path as text, with bytes that are not UTF-8 escaped."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def is_utf_8(name: str) -> bool:
    """Whether the name of a file can be written as text."""
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:  # Python decodes invalid bytes of a file name to surrogates
        return False
    return True


NOTE = "left_out.txt"


def leave_out(folder: Path, reason: str) -> None:
    """Replaces `folder` by one that holds only the file `NOTE` with `reason`, one line."""
    with atomic_folder(folder) as temporary:
        (temporary / NOTE).write_text(reason + "\n", encoding="utf-8")


def why_left_out(folder: Path) -> str | None:
    """The reason that `leave_out` wrote into `folder`; None when the folder has no such note."""
    note = Path(folder) / NOTE
    return note.read_text(encoding="utf-8").strip() if note.is_file() else None
