"""Published files: from a local mirror, from a cache that experiments share, or from their address."""

import hashlib
import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from cgn.common.files import atomic_path
from cgn.errors import UserError

_log = logging.getLogger(__name__)


def cache_folder(folder: str | None = None) -> Path:
    """`folder`, else the environment's CGN_CACHE, else the user's cache folder."""
    import pooch  # late: only downloads need it

    return Path(folder or os.environ.get("CGN_CACHE") or pooch.os_cache("cgn")).expanduser()


class Asset(NamedTuple):
    """A published file.

    `sha256` is in hexadecimal: all 64 digits, or as many as its publisher made known (torchvision puts the
    first 8 into a file's name). None when there is none: then nothing but the loading checks what comes.
    """

    url: str
    sha256: str | None
    licence: str

    @property
    def file_name(self) -> str:
        return self.url.rsplit("/", 1)[-1]


def local_file(asset: Asset, mirrors: Sequence[Path] = (), cache: str | None = None) -> Path:
    """The local copy of `asset`, downloaded with pooch into `cache_folder(cache)` when there is none.

    A file of its name in one of the folders `mirrors` is used where it lies, and the network is left alone.
    Raises UserError when a mirror's file has another hash, when the download fails, or when what comes has
    another hash.
    """
    for mirror in mirrors:
        path = mirror / asset.file_name
        if path.is_file():
            if not _is_intact(path, asset):
                raise UserError(f"{path}: {_other_hash(asset)}; put the right file there or delete it")
            return path
    path = cache_folder(cache) / asset.file_name
    if not path.is_file() or not _is_intact(path, asset):
        by_hand = f"fetch it elsewhere and put it at {path}"
        _download(asset, path, f"{by_hand}, or into a mirror folder" if mirrors else by_hand)
    return path


def _download(asset: Asset, path: Path, by_hand: str) -> None:
    from pooch import HTTPDownloader  # late: only downloads need it

    _log.info("%s: fetched to %s (licence: %s)", asset.url, path.parent, asset.licence)
    with atomic_path(path) as temporary:
        try:
            HTTPDownloader(progressbar=True)(asset.url, str(temporary), None)
        except OSError as error:  # requests' errors are OSErrors
            reason = " ".join(str(error).split())
            raise UserError(f"{asset.url}: download failed ({reason}); {by_hand}") from None
        if not _is_intact(temporary, asset):
            raise UserError(f"{asset.url}: what came has {_other_hash(asset)}; try again, or {by_hand}")


def _is_intact(path: Path, asset: Asset) -> bool:
    if asset.sha256 is None:
        return True
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest().startswith(asset.sha256.lower())


def _other_hash(asset: Asset) -> str:
    return f"not the expected sha256 {asset.sha256}"
