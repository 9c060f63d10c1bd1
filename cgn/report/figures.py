"""Sheets of MNIST images: Figure 3 of the paper, abduction, and the mechanisms' outputs during training.

Each function returns sheets that stand side by side where there is room, and below each other on a phone.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cgn.report.contact_sheets import contact_sheet

CLASSES = 10
DIGITS = [str(digit) for digit in range(CLASSES)]
MOST_SNAPSHOTS = 8  # rows of a sheet

# Name in the snapshots -> title; m, f, b and x are the paper's symbols.
PANELS = {
    "masks": "mask m (shape)",
    "foregrounds": "foreground f",
    "backgrounds": "background b",
    "composites": "composite x = m f + (1 - m) b",
}


def figure_3(
    splits: Mapping[str, NDArray[Any]],
    counterfactuals: NDArray[np.uint8],
    shape_labels: NDArray[np.integer],
    columns: tuple[int, int, int] = (4, 4, 8),
) -> list[NDArray[np.uint8]]:
    """Figure 3: training images, test images and counterfactuals; the row is the class of the shape.

    `splits` is the variant's file (`train_images` uint8 (n, 32, 32, 3), `train_labels` (n,), the same for
    test). `counterfactuals` are uint8 (n, 32, 32, 3) with `shape_labels` (n,). `columns` is the number of
    images of each kind. Returns a sheet (H, W, 4) for each kind, with white cells if a class has too few
    images.
    """
    kinds = (
        ("training: cues tell the class", splits["train_images"], splits["train_labels"]),
        ("test: cues at random", splits["test_images"], splits["test_labels"]),
        ("counterfactuals of the CGN", counterfactuals, shape_labels),
    )
    return [
        contact_sheet(images_by_class(images, labels, count), DIGITS, title=title)
        for (title, images, labels), count in zip(kinds, columns, strict=True)
    ]


def abduction(
    real: NDArray[np.uint8],
    counterfactuals: NDArray[np.uint8],
    labels: NDArray[np.integer],
    columns: int = 10,
) -> list[NDArray[np.uint8]]:
    """Real images on the left, and their counterfactuals at the same places on the right; a row is a class.

    `real` and `counterfactuals` are uint8 (n, 32, 32, 3), in pairs, with classes `labels` (n,). Returns two
    sheets (H, W, 4).
    """
    titles = {"training images (real)": real, "the same digits in counterfactual textures": counterfactuals}
    return [
        contact_sheet(images_by_class(images, labels, columns), DIGITS, title=title)
        for title, images in titles.items()
    ]


def images_by_class(
    images: NDArray[np.uint8], labels: NDArray[np.integer], count: int, classes: int = CLASSES
) -> NDArray[np.uint8]:
    """`count` images of each class, evenly spaced in `images` (n, h, w, 3): (classes, count, h, w, 3)."""
    chosen = np.full((classes, count, *images.shape[1:]), 255, dtype=np.uint8)
    for label in range(classes):
        members = np.flatnonzero(labels == label)
        few = min(count, len(members))
        chosen[label, :few] = images[members[np.arange(few) * len(members) // max(few, 1)]]
    return chosen


def mechanisms_over_training(snapshots: Mapping[str, NDArray[np.generic]]) -> list[NDArray[np.uint8]]:
    """The mechanisms' outputs during training: a panel for each output, a row is a step, a column a class.

    `snapshots` has `steps` int (t,), `masks` uint8 (t, 10, 32, 32), and `foregrounds`, `backgrounds` and
    `composites` uint8 (t, 10, 32, 32, 3). At most `MOST_SNAPSHOTS` are shown, evenly spaced, including the
    first and the last. Returns a sheet (H, W, 4) for each output.
    """
    steps = snapshots["steps"]
    shown = np.unique(np.linspace(0, len(steps) - 1, min(len(steps), MOST_SNAPSHOTS)).round().astype(int))
    rows = [f"step {steps[index]:,}" for index in shown]
    return [
        contact_sheet(snapshots[name][shown].astype(np.uint8), rows, DIGITS, title)
        for name, title in PANELS.items()
    ]
