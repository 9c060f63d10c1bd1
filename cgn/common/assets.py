"""Files from the internet: fetched once, checked by hash, kept in a cache that experiments share."""

import logging
import os
from pathlib import Path

from cgn.errors import UserError

_log = logging.getLogger(__name__)


def cache_folder(folder: str | None = None) -> Path:
    """`folder`, else the environment's CGN_CACHE, else the user's cache folder."""
    import pooch  # late: only downloads need it

    return Path(folder or os.environ.get("CGN_CACHE") or pooch.os_cache("cgn")).expanduser()


def fetch(url: str, sha256: str, folder: str | None = None) -> Path:
    """The local copy of `url` in `cache_folder(folder)`; downloaded unless it is there with that hash.

    Raises UserError when it cannot be downloaded or when what comes has another hash.
    """
    import pooch

    target, name = cache_folder(folder), url.rsplit("/", 1)[-1]
    _log.info("%s: taken from %s or fetched from %s", name, target, url)
    try:
        return Path(pooch.retrieve(url, f"sha256:{sha256}", fname=name, path=target, progressbar=True))
    except ValueError:  # pooch: the hash differs
        raise UserError(
            f"{url}: what came has not the expected sha256 {sha256}; try again, or put the right file at "
            f"{target / name}"
        ) from None
    except OSError as error:  # requests' errors are OSErrors
        reason = " ".join(str(error).split())
        raise UserError(
            f"{url}: download failed ({reason}); fetch it elsewhere and put it at {target / name}"
        ) from None
