"""Reads image files: photos, textures and test sets. `cgn.io.image_folders` finds them.

Images of every mode become RGB bytes, scaled by the range of the mode and turned upright.
"""

import logging
import struct
import warnings
import zlib
from functools import cache
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps, TiffImagePlugin, UnidentifiedImageError

from cgn.errors import UserError

# By content, whatever the ending. Others are refused, e.g. EPS, for which Pillow starts a program.
_FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "PPM", "AVIF", "HEIF")
# Pillow raises these for a file that is not an image, is damaged, or is suspiciously large.
UNREADABLE = (
    OSError, SyntaxError, ValueError, TypeError, LookupError, ArithmeticError, EOFError, RuntimeError,
    struct.error, zlib.error, Image.DecompressionBombError,
)  # fmt: skip

_LYING = (5, 6, 7, 8)  # EXIF orientations that exchange width and height

# What Pillow warns about and still reads (odd EXIF data, a photo of 100 megapixels) is no matter of the user,
# and what it cannot read is an error with a name.
warnings.filterwarnings("ignore", module=r"PIL\.")
logging.getLogger("PIL").setLevel(logging.CRITICAL)


class UnreadableImageError(UserError):
    """A file that is not a readable image; `reason` says why in a few words."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name}: not a readable image ({reason}); replace or remove it")
        self.reason = reason


@cache
def reads_heic() -> bool:
    """Whether HEIC can be read, which needs the package pillow-heif; tells Pillow of it."""
    try:
        from pillow_heif import register_heif_opener
    except ImportError:
        return False
    register_heif_opener()
    return True


@cache
def _formats() -> list[str]:
    """Those of `_FORMATS` that Pillow can read here."""
    reads_heic()
    Image.init()
    return [name for name in _FORMATS if name in Image.OPEN]


def read_image(source: Path | IO[bytes], name: str = "", at_least: int | None = None) -> Image.Image:
    """Reads an image file as RGB, turned upright by its EXIF data; of several frames the first.

    Transparency is dropped: a transparent pixel has the colour that is stored for it. Grey values of 12 and
    16 bits and floats in [0, 1] are scaled to bytes. If `at_least` is given, a JPEG may be decoded smaller,
    which is quick, with sides of at least so many pixels. Messages use `name` in place of `source`. Raises
    UnreadableImageError when the file is not a readable image, or when its values are out of the range of
    its mode.
    """
    try:
        with Image.open(source, formats=_formats()) as image:
            if at_least:
                image.draft("RGB", (at_least, at_least))
            image.load()  # which turns a TIFF, so its EXIF data counts only now
            return _turned(_as_rgb(image), _orientation(image))
    except UNREADABLE as error:
        raise UnreadableImageError(name or str(source), _reason(error)) from None


def upright_size(file: Path) -> tuple[int, int]:
    """Width and height of the image that `read_image` returns, from the head of the file alone.

    Raises UnreadableImageError when there is none.
    """
    try:
        with Image.open(file, formats=_formats()) as image:
            turned = image.format == "TIFF"  # Pillow states the size of a TIFF as it will stand
            return image.size[::-1] if _orientation(image) in _LYING and not turned else image.size
    except UNREADABLE as error:
        raise UnreadableImageError(str(file), _reason(error)) from None


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


def _reason(error: Exception) -> str:
    if isinstance(error, UnidentifiedImageError):
        return "unknown format"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return " ".join(str(error).split()) or type(error).__name__


def _orientation(image: Image.Image) -> int | None:
    """The orientation by the EXIF data, None where that is absent or damaged."""
    try:
        return image.getexif().get(ExifTags.Base.Orientation)
    except UNREADABLE:
        return None


def _turned(image: Image.Image, orientation: int | None) -> Image.Image:
    """Turns an image by an EXIF orientation, and drops all other metadata, which may be damaged.

    The image may be changed.
    """
    image.info.clear()
    if orientation is None:
        return image
    image.getexif()[ExifTags.Base.Orientation] = orientation
    return ImageOps.exif_transpose(image)


# The largest value of each mode with more than 8 bits. Pillow reads a PGM of 16 bits as "I", which has 32.
_WIDE = {"I;16": 65535.0, "I;16L": 65535.0, "I;16B": 65535.0, "I": 65535.0, "F": 1.0}
_BITS, _PHOTOMETRIC = TiffImagePlugin.BITSPERSAMPLE, TiffImagePlugin.PHOTOMETRIC_INTERPRETATION


def _as_rgb(image: Image.Image) -> Image.Image:
    """Converts an image to RGB, scaled from the range of its mode, which Pillow's conversion would clip.

    Raises ValueError when a value is out of the mode's range.
    """
    if image.mode not in _WIDE:
        # By way of RGBA, for Pillow warns of a palette with alpha otherwise.
        return (image.convert("RGBA") if image.mode in {"P", "PA"} else image).convert("RGB")
    largest, white = _WIDE[image.mode], True
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        if image.tag_v2.get(_BITS) == (12,):
            largest = 4095.0
        white = image.tag_v2.get(_PHOTOMETRIC) != 0  # else 0 is white
    with np.errstate(invalid="ignore"):
        values = np.asarray(image).astype(np.float64)
    low, high = values.min(), values.max()
    if not 0 <= low <= high <= largest:  # also true for NaN
        raise ValueError(
            f"values from {low:g} to {high:g} in mode {image.mode}, which is read from 0 to {largest:g}:"
            " save it with 8 bits"
        )
    scaled = np.rint(values * (255 / largest)).astype(np.uint8)
    return Image.fromarray(scaled if white else 255 - scaled).convert("RGB")
