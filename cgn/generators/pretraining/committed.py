"""Weights that are kept in Git, with the sha256 of each file in SHA256SUMS (as `sha256sum` writes it)."""

import hashlib
import shutil
from pathlib import Path

from cgn.errors import UserError
from cgn.io.files import atomic_path

SUMS = "SHA256SUMS"
SUFFIXES = {".safetensors", ".json"}


def write_sums(folder: Path) -> None:
    """List the files of `folder` in its SHA256SUMS."""
    files = sorted(path for path in folder.iterdir() if path.suffix in SUFFIXES)
    with atomic_path(folder / SUMS) as temporary:
        lines = [f"{_sha256(path)}  {path.name}\n" for path in files]
        temporary.write_text("".join(lines), encoding="utf-8")


def copy_checked(source: Path, target: Path, names: list[str]) -> None:
    """Copy the files `names` of `source` into the folder `target`.

    Raises UserError when one is missing, is not listed in SHA256SUMS, or is not the file that is listed.
    """
    sums = source / SUMS
    if not sums.is_file():
        raise UserError(f"{sums}: not found; restore it from Git, or run make pretrain")
    lines = sums.read_text(encoding="utf-8").splitlines()
    expected = {name: digest for digest, name in (line.split() for line in lines)}
    for name in names:
        path = source / name
        if not path.is_file() or name not in expected:
            raise UserError(
                f"{path}: not there, or not listed in {SUMS}; restore it from Git, or run make pretrain"
            )
        if _sha256(path) != expected[name]:
            raise UserError(
                f"{path}: its sha256 is not the one in {SUMS}; restore it from Git, or run make pretrain"
            )
        shutil.copyfile(path, target / name)


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
