"""The user's own masks: `<name>_mask.png` beside a photo, or a file of its name in a parallel folder.

Masks are white on the object. A photo without one is segmented later.
"""

import logging
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cgn.data.photos.entries import read_entries
from cgn.data.photos.layouts import SPLITS
from cgn.errors import UserError
from cgn.io.arrays import read_arrays, write_arrays
from cgn.io.files import located
from cgn.io.image_folders import MASK_ENDING
from cgn.io.images import read_image, square, upright_size

_OF_SHAPE = 0.02  # the share by which the ratios of the sides may differ

log = logging.getLogger(__name__)


def write_own_masks(world: Path, root: Path, masks: str | None, resolution: int) -> None:
    """Writes the masks that the user has of the photos in a world, cropped and resized as the photos.

    `root` is the folder of the photos, `masks` the parallel one, or None. Nothing is written if there are no
    masks. Raises UserError when `masks` is no folder, or when a mask is not a readable image.
    """
    if masks is not None and not located(masks).is_dir():
        raise UserError(f"{masks}: no such folder; imagenet.folder.masks names one of <class>/<name>.png")
    parallel, entries = None if masks is None else located(masks), read_entries(world / "index.csv")
    total = 0
    for split in SPLITS:
        count = len(read_arrays(world / f"{split}.safetensors")["labels"])
        paths = [entry.path for entry in entries if entry.split == split][:count]
        photos = [root / path for path in paths]
        files = [mask_of(root, parallel, Path(path)) for path in paths]
        found = np.zeros((count, resolution, resolution), np.uint8)
        for row, (file, photo) in enumerate(zip(files, photos, strict=True)):
            if file is not None:
                found[row] = read_mask(file, photo, resolution)
        given = np.array([file is not None for file in files])
        total += int(given.sum())
        if given.any():
            write_arrays(_file(world, split), {"masks": found, "given": given})
    if total:
        log.info("%d photos have a mask of the user", total)


def read_mask(file: Path, photo: Path, resolution: int) -> NDArray[np.uint8]:
    """The mask `file` of `photo`, (resolution, resolution), cropped and resized as the photos.

    Raises UserError when it is not a readable image, or when it has another shape than the photo, which
    stands upright by its EXIF data.
    """
    mask = read_image(file)
    (width, height), (wide, high) = mask.size, upright_size(photo)
    if abs(width * high - height * wide) > _OF_SHAPE * height * wide + max(wide, high):
        raise UserError(
            f"{file}: {width} x {height} pixels, but its photo has {wide} x {high}, upright; save it so"
        )
    return np.asarray(square(mask, resolution).mean(axis=2).round(), dtype=np.uint8)


def read_own_masks(world: Path, split: str) -> dict[str, NDArray[Any]] | None:
    """The user's `masks` uint8 (n, r, r) of a split, and which are `given` (n,); None if there are none."""
    path = _file(world, split)
    return read_arrays(path) if path.exists() else None


def _file(world: Path, split: str) -> Path:
    return world / "own_masks" / f"{split}.safetensors"


def mask_of(root: Path, parallel: Path | None, photo: Path) -> Path | None:
    """The user's mask of a photo, None if there is none; `parallel` has those of photos below `root` only."""
    places = [(root / photo).with_name(photo.stem + MASK_ENDING)]
    if parallel is not None and not photo.is_absolute() and ".." not in photo.parts:
        places += [parallel / photo.with_suffix(".png"), parallel / photo]
    return next((path for path in places if path.is_file()), None)
