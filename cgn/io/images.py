"""The one reader of image files, for photos, textures and test sets: which files count, and their pixels.

Files are told by their ending. Whatever a file's mode, its pixels come as RGB bytes, scaled by the range of
the mode and turned upright.
"""

import logging
import os
from collections import Counter
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from cgn.errors import UserError

SUFFIXES = (".jpg", ".jpeg", ".jfif", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff")  # in lower case
# What Pillow raises on a file that is no image, is damaged, or is too large to be meant.
UNREADABLE = (OSError, SyntaxError, ValueError, Image.DecompressionBombError)

log = logging.getLogger(__name__)


def is_image_name(name: str) -> bool:
    """Whether a file of this name counts as an image: by its ending; hidden files do not."""
    return not name.startswith(".") and name.lower().endswith(SUFFIXES)


def image_files(folder: Path, skipped: Counter[str]) -> list[Path]:
    """The image files directly in `folder`, in the order of their names.

    Whatever else lies there is counted in `skipped` by its reason, for `log_skipped`.
    """
    found = []
    for path in sorted(folder.iterdir()):
        if path.name.startswith("."):
            skipped["hidden"] += 1
        elif path.is_dir():
            skipped["folders"] += 1
        elif not is_image_name(path.name):
            skipped["no images by their ending"] += 1
        elif not _is_utf_8(path.name):
            skipped["names that are no UTF-8"] += 1
        elif not path.exists():
            skipped["links to nothing"] += 1
        else:
            found.append(path)
    return found


def log_skipped(root: Path, skipped: Counter[str]) -> None:
    """Tell in one line what `image_files` left out below `root`; nothing when it took everything."""
    if skipped:
        reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(skipped.items()))
        log.warning("%s: skipped: %s", root, reasons)


def class_folders(root: Path) -> list[Path]:
    """The sub-folders of `root`, one a class, in the order of their names; hidden ones are none.

    Raises UserError for a name that is no UTF-8, which no index or report can hold.
    """
    folders = sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))
    for folder in folders:
        if not _is_utf_8(folder.name):
            raise UserError(f"{printable(folder)}: the name is no UTF-8; rename the folder")
    return folders


def printable(path: Path) -> str:
    """The path as text; bytes that are no UTF-8 are escaped."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _is_utf_8(name: str) -> bool:
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:  # the file system's bytes came as surrogates
        return False
    return True


def read_image(source: Path | IO[bytes], name: str = "") -> Image.Image:
    """An image file as RGB, upright as its EXIF data say; what is transparent shows the colour below.

    Grey values of 16 bits and floats in [0, 1] are scaled to bytes. `name` stands for `source` in messages.
    Raises UserError when it is no readable image, or when the range of its values cannot be known.
    """
    try:
        with Image.open(source) as image:
            return ImageOps.exif_transpose(_as_bytes(image)).convert("RGB")
    except UNREADABLE as error:
        unknown = isinstance(error, UnidentifiedImageError)
        reason = "unknown format" if unknown else " ".join(str(error).split())
        raise UserError(f"{name or source}: not a readable image ({reason}); replace or remove it") from None


def square(image: Image.Image, resolution: int) -> NDArray[np.uint8]:
    """The largest square in the middle, resized (bicubic, antialiased): uint8 (r, r, 3).

    An RGB image of this very size keeps its pixels.
    """
    return np.asarray(ImageOps.fit(image, (resolution, resolution), Image.Resampling.BICUBIC))


# The largest value of the modes of more than 8 bits. Pillow reads a PGM of 16 bits as "I", which has 32.
_WIDE = {"I;16": 65535.0, "I;16L": 65535.0, "I;16B": 65535.0, "I": 65535.0, "F": 1.0}


def _as_bytes(image: Image.Image) -> Image.Image:
    """An image of a wide mode with 8 bits a channel, where Pillow's own conversion would clip it.

    Raises ValueError when its values leave the range.
    """
    if image.mode not in _WIDE:
        return image
    largest = _WIDE[image.mode]
    values = np.asarray(image).astype(np.float64)
    low, high = values.min(), values.max()
    if not 0 <= low <= high <= largest:  # also where one is no number
        raise ValueError(
            f"values from {low:g} to {high:g} in mode {image.mode}, which is read from 0 to {largest:g}:"
            " save it with 8 bits"
        )
    scaled = Image.fromarray(np.rint(values * (255 / largest)).astype(np.uint8))
    scaled.getexif().update(image.getexif())
    return scaled
