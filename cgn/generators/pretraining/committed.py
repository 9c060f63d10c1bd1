"""Weights in Git, with the sha256 of each file in SHA256SUMS (in the format of `sha256sum`)."""

import hashlib
import shutil
from pathlib import Path

from cgn.errors import UserError
from cgn.generators.pretraining.networks import NETWORKS, SCORES
from cgn.generators.pretraining.stored import load_cgan, weights_file
from cgn.io.files import atomic_path
from cgn.networks.biggan import sizes_of

SUMS = "SHA256SUMS"
SUFFIXES = {".safetensors", ".json"}


def write_sums(folder: Path) -> None:
    """Writes SHA256SUMS for the .safetensors and .json files of `folder`."""
    files = sorted(path for path in folder.iterdir() if path.suffix in SUFFIXES)
    with atomic_path(folder / SUMS) as temporary:
        lines = [f"{_sha256(path)}  {path.name}\n" for path in files]
        temporary.write_text("".join(lines), encoding="utf-8")


def copy_committed(source: Path, target: Path, world: str, resolution: int) -> None:
    """Copies the small networks of the emoji world from the folder `source` to the folder `target`.

    `world` and `resolution` are those of the run. Raises UserError when the networks have others, and as
    `copy_checked`.
    """
    remedy = "set pretrained_networks.source of the profile to trained"
    if world != "emoji":
        raise UserError(f"{source}: of the emoji world, imagenet.world is {world}; {remedy} or published")
    copy_checked(source, target, [*(weights_file(target, name).name for name in NETWORKS), SCORES])
    committed = sizes_of(load_cgan(target)).resolution
    if committed != resolution:
        raise UserError(
            f"{source}: for {committed} pixels, the world has {resolution}; change that, or {remedy}"
        )


def copy_checked(source: Path, target: Path, names: list[str]) -> None:
    """Copies the files `names` of `source` to the folder `target`.

    Raises UserError when a file is missing, is not listed in SHA256SUMS or has another hash.
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
