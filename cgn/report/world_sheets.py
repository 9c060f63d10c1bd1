"""Contact sheets of a world: training images, counterfactuals, IN-9 and cue-conflict images."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cgn.report.contact_sheets import arrange, contact_sheet
from cgn.report.figures import images_by_class

Bytes = NDArray[np.uint8]


def world_sheet(arrays: dict[str, NDArray[Any]], classes: tuple[str, ...], columns: int = 12) -> Bytes:
    """Training images (n, r, r, 3) and masks (n, r, r) of `arrays`, a row for each class."""
    images = np.full((len(classes), columns, *arrays["images"].shape[1:]), 255, dtype=np.uint8)
    masks = images[..., 0].copy()
    for label in range(len(classes)):
        rows = np.flatnonzero(arrays["labels"] == label)[:columns]
        images[label, : len(rows)] = arrays["images"][rows]
        masks[label, : len(rows)] = arrays["masks"][rows]
    names = [name.replace("_", " ") for name in classes]
    sheet = contact_sheet(images, row_labels=names, title="training images: cues tell the class", scale=1)
    return arrange([[sheet, contact_sheet(masks[:, : columns // 2], title="their masks", scale=1)]])


def counterfactual_sheet(
    images: Bytes, shape_labels: NDArray[np.int64], classes: tuple[str, ...], columns: int = 12
) -> Bytes:
    """Counterfactuals `images` (n, r, r, 3), a row for each class of the shape."""
    rows = images_by_class(images, shape_labels, columns, len(classes))
    names = [name.replace("_", " ") for name in classes]
    title = "counterfactuals: the row is the class of the shape"
    return arrange([[contact_sheet(rows, row_labels=names, title=title)]])


def photo_sheet(arrays: dict[str, NDArray[Any]], classes: tuple[str, ...], columns: int = 12) -> Bytes:
    """Training photos (n, r, r, 3) of `arrays`, a row for each class."""
    rows = images_by_class(arrays["images"], arrays["labels"], columns, len(classes))
    names = [name.replace("_", " ") for name in classes]
    return arrange([[contact_sheet(rows, row_labels=names, title="training images", scale=1)]])


def in9_sheet(folder: Path, variants: tuple[str, ...]) -> Bytes:
    """The first image of each class in each variant of an IN-9 folder, a row for each variant."""
    rows = [[_read(sorted(klass.glob("*.png"))[0]) for klass in _classes(folder, v)] for v in variants]
    columns = [path.name[3:] for path in _classes(folder, variants[0])]
    return arrange([[contact_sheet(np.array(rows), list(variants), columns, scale=2, gap=14)]])


def _classes(folder: Path, variant: str) -> list[Path]:
    return sorted(path for path in (folder / variant / "val").iterdir() if path.is_dir())


def cue_conflict_sheet(folder: Path, classes: tuple[str, ...]) -> Bytes:
    """The first stimulus of every pair of classes, shape by row and surface by column."""
    images = [[_read(folder / shape / f"{shape}1-{other}1.png") for other in classes] for shape in classes]
    names = [name.replace("_", " ") for name in classes]
    return arrange([[contact_sheet(np.array(images), names, names, scale=2, gap=14)]])


def _read(path: Path) -> Bytes:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))
