"""The IDX format of MNIST (http://yann.lecun.com/exdb/mnist): a typed header, then the bytes of one array."""

import gzip
import math
import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cgn.errors import UserError

_GZIP_MAGIC = b"\x1f\x8b"
_UNSIGNED_BYTE = 0x08
_REMEDY = "fetch the file again"


def read_idx(path: Path, dimensions: int) -> NDArray[np.uint8]:
    """The uint8 array of `dimensions` axes in an IDX file, gzipped or not (told by content, not by name).

    Raises UserError when the file is unreadable, truncated, too long, or not of that type and rank.
    """
    content = _content(path)
    expected = bytes([0, 0, _UNSIGNED_BYTE, dimensions])
    if content[:4] != expected[: len(content)]:
        raise UserError(
            f"{path}: magic number {content[:4].hex()} where {expected.hex()} (unsigned bytes, "
            f"{dimensions} dimensions) belongs; not this kind of IDX file"
        )
    header = 4 + 4 * dimensions
    if len(content) < header:
        raise UserError(f"{path}: truncated, {len(content)} bytes where the header has {header}; {_REMEDY}")
    shape = struct.unpack(f">{dimensions}I", content[4:header])
    promised, present = math.prod(shape), len(content) - header
    if present != promised:
        fault = "truncated" if present < promised else "too long"
        raise UserError(f"{path}: {fault}, the header promises {promised} bytes, {present} follow; {_REMEDY}")
    return np.frombuffer(content, dtype=np.uint8, offset=header).reshape(shape)


def read_digit_pair(folder: Path, prefix: str) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Images uint8 (n, 28, 28) and labels uint8 (n,) of one half of MNIST; `prefix` is "train" or "t10k".

    Raises UserError when a file is missing or damaged, or when the two do not belong together.
    """
    images_path = _find(folder, f"{prefix}-images", "idx3-ubyte")
    labels_path = _find(folder, f"{prefix}-labels", "idx1-ubyte")
    images, labels = read_idx(images_path, dimensions=3), read_idx(labels_path, dimensions=1)
    if images.shape[1:] != (28, 28):
        raise UserError(
            f"{images_path}: images of {images.shape[1]}x{images.shape[2]} pixels, expected 28x28"
        )
    if len(images) != len(labels):
        raise UserError(
            f"{labels_path}: {len(labels)} labels for the {len(images)} images of {images_path.name}; "
            "the two files do not belong together"
        )
    if len(labels) and labels.max() > 9:
        raise UserError(f"{labels_path}: label {labels.max()}, expected 0 to 9")
    return images, labels


def _content(path: Path) -> bytes:
    try:
        content = path.read_bytes()
        return gzip.decompress(content) if content.startswith(_GZIP_MAGIC) else content
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise UserError(f"{path}: damaged or truncated gzip ({error}); {_REMEDY}") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from None


def _find(folder: Path, stem: str, kind: str) -> Path:
    """The file in either spelling (`-idx3-ubyte`, `.idx3-ubyte`), gzipped or not."""
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder; it should hold the four IDX files of MNIST")
    for separator in "-.":
        for ending in ("", ".gz"):
            path = folder / f"{stem}{separator}{kind}{ending}"
            if path.is_file():
                return path
    raise UserError(f"{folder}/{stem}-{kind}[.gz]: not found; the folder needs the four IDX files of MNIST")
