"""Places of files: paths, or addresses that `fsspec` knows, e.g. s3://bucket/shards or https://host/shards."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cgn.errors import UserError

Place = Path | str


def is_remote(place: Place) -> bool:
    """Whether a place is an address, not a path."""
    return "://" in str(place)


@contextmanager
def reached(address: str) -> Iterator[Any]:
    """The file system of an address. Its errors end as one line."""
    import fsspec  # late: only addresses need it

    try:
        files, _ = fsspec.core.url_to_fs(address)
    except (ImportError, ValueError) as error:
        hint = "pip install 's3fs'" if address.startswith("s3://") else "give a path, http(s):// or s3://"
        raise UserError(f"{address}: cannot be opened ({' '.join(str(error).split())}); {hint}") from None
    from aiohttp import ClientError

    try:
        yield files
    except (OSError, ClientError, NotImplementedError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise UserError(f"{address}: {reason}; check the address and your rights") from None
