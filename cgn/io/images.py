"""Finds and reads image files. Photos, textures and test sets are all read here.

A file counts as an image by its ending. Images of every mode become RGB bytes, scaled by the range of the
mode and turned upright.
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
MASK_SUFFIX = "_mask.png"  # of the mask of the photo beside it
# Pillow raises these for a file that is not an image, is damaged, or is suspiciously large.
UNREADABLE = (OSError, SyntaxError, ValueError, Image.DecompressionBombError)

log = logging.getLogger(__name__)


def is_image_name(name: str) -> bool:
    """Whether a file of this name counts as an image: it has an ending of `SUFFIXES` and is not hidden."""
    return not name.startswith(".") and name.lower().endswith(SUFFIXES)


def image_files(folder: Path, skipped: Counter[str]) -> list[Path]:
    """The image files directly in `folder`, sorted by name.

    Everything else in the folder is counted in `skipped`, by the reason for skipping it.
    """
    found = []
    names = {path.stem for path in folder.iterdir()}
    for path in sorted(folder.iterdir()):
        if path.name.startswith("."):
            skipped["hidden"] += 1
        elif path.is_dir():
            skipped["folders"] += 1
        elif not is_image_name(path.name):
            skipped["no images by their ending"] += 1
        elif path.name.endswith(MASK_SUFFIX) and path.name.removesuffix(MASK_SUFFIX) in names:
            skipped["masks of photos"] += 1
        elif not _is_utf_8(path.name):
            skipped["names that are no UTF-8"] += 1
        elif not path.exists():
            skipped["links to nothing"] += 1
        else:
            found.append(path)
    return found


def log_skipped(root: Path, skipped: Counter[str]) -> None:
    """Logs in one line how many entries below `root` `image_files` skipped, and why; no line if none."""
    if skipped:
        reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(skipped.items()))
        log.warning("%s: skipped: %s", root, reasons)


def class_folders(root: Path) -> list[Path]:
    """The sub-folders of `root`, one for each class, sorted by name, without hidden ones.

    Raises UserError for a name that is not UTF-8, because index and report could not hold it.
    """
    folders = sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))
    for folder in folders:
        if not _is_utf_8(folder.name):
            raise UserError(f"{printable(folder)}: the name is no UTF-8; rename the folder")
    return folders


def printable(path: Path) -> str:
    """The path as text, with bytes that are not UTF-8 escaped."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _is_utf_8(name: str) -> bool:
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:  # Python decodes invalid bytes of a file name to surrogates
        return False
    return True


def read_image(source: Path | IO[bytes], name: str = "") -> Image.Image:
    """Reads an image file as RGB, turned upright by its EXIF data.

    Transparency is dropped: a transparent pixel has the colour that is stored for it. Grey values of 16 bits
    and floats in [0, 1] are scaled to bytes. Messages use `name` in place of `source`. Raises UserError when
    the file is not a readable image, or when its values are out of the range of its mode.
    """
    try:
        with Image.open(source) as image:
            return ImageOps.exif_transpose(_as_bytes(image)).convert("RGB")
    except UNREADABLE as error:
        unknown = isinstance(error, UnidentifiedImageError)
        reason = "unknown format" if unknown else " ".join(str(error).split())
        raise UserError(f"{name or source}: not a readable image ({reason}); replace or remove it") from None


def square(image: Image.Image, resolution: int) -> NDArray[np.uint8]:
    """The largest centred square of an RGB image, resized (bicubic, antialiased) to uint8 (r, r, 3).

    An image that already has this size keeps its pixels.
    """
    return np.asarray(ImageOps.fit(image, (resolution, resolution), Image.Resampling.BICUBIC))


def resize_and_crop(image: Image.Image, resolution: int) -> NDArray[np.uint8]:
    """An RGB image whose shorter side is resized to 256 / 224 of the resolution, and its centre: (r, r, 3).

    At 224 pixels these are torchvision's Resize(256) and CenterCrop(224), bilinear and antialiased.
    """
    shorter = round(resolution * 256 / 224)
    width, height = (int(shorter * side / min(image.size)) for side in image.size)
    left, top = (round((side - resolution) / 2) for side in (width, height))
    resized = image.resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(resized.crop((left, top, left + resolution, top + resolution)))


# The largest value of each mode with more than 8 bits. Pillow reads a PGM of 16 bits as "I", which has 32.
_WIDE = {"I;16": 65535.0, "I;16L": 65535.0, "I;16B": 65535.0, "I": 65535.0, "F": 1.0}


def _as_bytes(image: Image.Image) -> Image.Image:
    """Scales an image of a mode in `_WIDE` to 8 bits; Pillow's own conversion would clip it.

    Images of other modes stay as they are. Raises ValueError when a value is out of the mode's range.
    """
    if image.mode not in _WIDE:
        return image
    largest = _WIDE[image.mode]
    values = np.asarray(image).astype(np.float64)
    low, high = values.min(), values.max()
    if not 0 <= low <= high <= largest:  # also true for NaN
        raise ValueError(
            f"values from {low:g} to {high:g} in mode {image.mode}, which is read from 0 to {largest:g}:"
            " save it with 8 bits"
        )
    scaled = Image.fromarray(np.rint(values * (255 / largest)).astype(np.uint8))
    scaled.getexif().update(image.getexif())
    return scaled
