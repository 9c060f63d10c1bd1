"""Contact sheets: many small images in one image, with labels. Images are uint8 and deterministic.

The background is transparent and the text grey, so that a sheet is readable on light and on dark pages.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cgn.io.files import atomic_path

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont

INK = 127  # grey value of the text, with a contrast of 4 to both white and #1d2126
GROUND = (INK, INK, INK, 0)  # transparent, in the text's colour so that soft edges of text stay grey
LABEL_SIZE = 16  # of row and column labels, in pixels
TITLE_SIZE = 19


def contact_sheet(
    images: NDArray[np.uint8],
    row_labels: Sequence[str] = (),
    column_labels: Sequence[str] = (),
    title: str = "",
    scale: int = 2,
    gap: int = 2,
    captions: Sequence[str] = (),
) -> NDArray[np.uint8]:
    """Lays out `images` uint8 (rows, columns, h, w[, 3]) as one image (H, W, 4) on `GROUND`.

    `scale` enlarges images by repeating pixels; `gap` is the space between images in pixels of the result.
    `row_labels` are left of the rows, `column_labels` above and `captions` below the columns. Raises
    ValueError when images have another shape or type, or when labels are given but not one for each row or
    column.
    """
    colored = images if images.ndim == 5 else np.repeat(images[..., None], 3, axis=-1)
    if colored.ndim != 5 or colored.shape[-1] != 3 or colored.dtype != np.uint8:
        raise ValueError(
            f"images must be uint8 (rows, columns, h, w[, 3]), got {images.dtype} {images.shape}"
        )
    rows, columns, height, width, _ = colored.shape
    for labels, count, what in (
        (row_labels, rows, "rows"),
        (column_labels, columns, "columns"),
        (captions, columns, "columns"),
    ):
        if labels and len(labels) != count:
            raise ValueError(f"{len(labels)} labels for {count} {what}")

    step_y, step_x = height * scale + gap, width * scale + gap
    inner_height = rows * step_y - gap
    left = max((text_width(label, LABEL_SIZE) for label in row_labels), default=-8) + 8
    title_height = TITLE_SIZE + 12 if title else 0
    top = title_height + (LABEL_SIZE + 8 if column_labels else 0)
    bottom = LABEL_SIZE + 8 if captions else 0
    inner_width = max(columns * step_x - gap, text_width(title, TITLE_SIZE))
    sheet = _ground(top + inner_height + bottom, left + inner_width)
    large = colored.repeat(scale, axis=2).repeat(scale, axis=3)
    for row, column in np.ndindex(rows, columns):
        y, x = top + row * step_y, left + column * step_x
        sheet[y : y + height * scale, x : x + width * scale, :3] = large[row, column]
        sheet[y : y + height * scale, x : x + width * scale, 3] = 255

    texts = [
        (label, left - 8, top + row * step_y + height * scale // 2, "rm")
        for row, label in enumerate(row_labels)
    ]
    texts += [
        (label, left + column * step_x + width * scale // 2, top - 8, "ms")
        for column, label in enumerate(column_labels)
    ]
    texts += [
        (caption, left + column * step_x + width * scale // 2, top + inner_height + LABEL_SIZE, "ms")
        for column, caption in enumerate(captions)
    ]
    sheet = _draw(sheet, texts, LABEL_SIZE)
    return _draw(sheet, [(title, left, TITLE_SIZE + 2, "ls")], TITLE_SIZE) if title else sheet


def arrange(
    sheets: Sequence[Sequence[NDArray[np.uint8]]], gap: int = 24, margin: int = 12
) -> NDArray[np.uint8]:
    """Arranges images (H, W, 4) of any sizes in rows, with a margin."""
    heights = [max(image.shape[0] for image in row) for row in sheets]
    widths = [sum(image.shape[1] + gap for image in row) - gap for row in sheets]
    arranged = _ground(sum(heights) + gap * (len(sheets) - 1) + 2 * margin, max(widths) + 2 * margin)
    top = margin
    for row, height in zip(sheets, heights, strict=True):
        left = margin
        for image in row:
            arranged[top : top + image.shape[0], left : left + image.shape[1]] = image
            left += image.shape[1] + gap
        top += height + gap
    return arranged


def write_png(path: Path, image: NDArray[np.uint8]) -> None:
    """Writes `image` (H, W[, channels]) as PNG, atomically. Equal pixels give equal bytes."""
    from PIL import Image

    with atomic_path(path) as temporary:
        Image.fromarray(image).save(temporary, format="PNG", compress_level=6)


def write_animation(
    path: Path, frames: Sequence[NDArray[np.uint8]], milliseconds: Sequence[int], quality: int = 70
) -> None:
    """Writes `frames` (H, W, 3 or 4), each shown for its `milliseconds`, as an endless WebP, atomically.

    `quality` (0 to 100) is that of lossy WebP. Equal frames give equal bytes.
    """
    from PIL import Image

    first, *others = [Image.fromarray(frame) for frame in frames]
    with atomic_path(path) as temporary:
        first.save(
            temporary,
            format="WEBP",
            save_all=True,
            append_images=others,
            duration=list(milliseconds),
            loop=0,
            quality=quality,
            method=4,
        )


def text_width(text: str, size: int) -> int:
    """The width of `text` at font size `size`, in pixels."""
    return int(_font(size, text).getlength(_composed(text))) + 1 if text else 0


def _ground(height: int, width: int) -> NDArray[np.uint8]:
    return np.full((height, width, 4), GROUND, dtype=np.uint8)


def _draw(
    sheet: NDArray[np.uint8], texts: Sequence[tuple[str, int, int, str]], size: int
) -> NDArray[np.uint8]:
    """Writes each (text, x, y, anchor) onto a copy of `sheet`."""
    from PIL import Image, ImageDraw

    image = Image.fromarray(sheet)
    draw = ImageDraw.Draw(image)
    for text, x, y, anchor in texts:
        fill, font = (INK, INK, INK, 255), _font(size, text)
        draw.text((x, y), _composed(text), fill=fill, font=font, anchor=anchor)
    return np.asarray(image).copy()


def _composed(text: str) -> str:
    """The text in Unicode's normal form C: a letter with its accent is one glyph."""
    return unicodedata.normalize("NFC", text)


@cache
def _font(size: int, text: str) -> FreeTypeFont:
    """Pillow's own font, which is the same on every machine, or the one of matplotlib if a glyph lacks there.

    Letters that both lack, e.g. Chinese ones, are boxes.
    """
    from PIL import ImageFont
    from PIL.ImageFont import FreeTypeFont

    font = ImageFont.load_default(size)
    assert isinstance(font, FreeTypeFont)
    box = bytes(font.getmask("\uffff"))  # no character, so the sign of a missing glyph
    if any(bytes(font.getmask(character)) == box for character in _composed(text)):
        from matplotlib import get_data_path

        return ImageFont.truetype(Path(get_data_path()) / "fonts/ttf/DejaVuSans.ttf", size)
    return font
