"""Contact sheets: many small images in one picture, with labels. Everything is uint8 and deterministic."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cgn.common.files import atomic_path

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont

PAPER = 255  # the grey value of the background
INK = 40  # and of the text
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
    """Lay out `images` (rows, columns, height, width[, 3]) as one picture (H, W, 3) on white.

    `scale` magnifies every image by repeating pixels; `gap` is the space between images in pixels of
    the result. Labels are optional; when given, there must be one for each row or column, otherwise
    ValueError. Column labels stand above the images, `captions`, one a column too, below.
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

    # Magnify, then put a gap after every image and cut off the last one.
    large = colored.repeat(scale, axis=2).repeat(scale, axis=3)
    cells = np.pad(large, ((0, 0), (0, 0), (0, gap), (0, gap), (0, 0)), constant_values=PAPER)
    step_y, step_x = height * scale + gap, width * scale + gap
    grid = cells.transpose(0, 2, 1, 3, 4).reshape(rows * step_y, columns * step_x, 3)
    grid = grid[: rows * step_y - gap, : columns * step_x - gap]

    left = max((text_width(label, LABEL_SIZE) for label in row_labels), default=-8) + 8
    title_height = TITLE_SIZE + 12 if title else 0
    top = title_height + (LABEL_SIZE + 8 if column_labels else 0)
    shortfall = max(text_width(title, TITLE_SIZE) - grid.shape[1], 0)
    bottom = LABEL_SIZE + 8 if captions else 0
    sheet = np.pad(grid, ((top, bottom), (left, shortfall), (0, 0)), constant_values=PAPER)

    texts = [
        (label, left - 8, top + row * step_y + height * scale // 2, "rm")
        for row, label in enumerate(row_labels)
    ]
    texts += [
        (label, left + column * step_x + width * scale // 2, top - 8, "ms")
        for column, label in enumerate(column_labels)
    ]
    texts += [
        (caption, left + column * step_x + width * scale // 2, top + grid.shape[0] + LABEL_SIZE, "ms")
        for column, caption in enumerate(captions)
    ]
    sheet = _draw(sheet, texts, LABEL_SIZE)
    return _draw(sheet, [(title, left, TITLE_SIZE + 2, "ls")], TITLE_SIZE) if title else sheet


def arrange(
    sheets: Sequence[Sequence[NDArray[np.uint8]]], gap: int = 24, margin: int = 12
) -> NDArray[np.uint8]:
    """Set pictures (H, W, 3) side by side, row under row, on white with a margin; sizes may differ."""
    rows = [_join(row, gap, axis=1) for row in sheets]
    picture = _join(rows, gap, axis=0)
    return np.pad(picture, ((margin, margin), (margin, margin), (0, 0)), constant_values=PAPER)


def write_png(path: Path, image: NDArray[np.uint8]) -> None:
    """Write `image` (H, W[, 3]) as PNG, atomically. Equal pixels give equal bytes: there is no metadata."""
    from PIL import Image

    with atomic_path(path) as temporary:
        Image.fromarray(image).save(temporary, format="PNG", compress_level=6)


def write_animation(
    path: Path, frames: Sequence[NDArray[np.uint8]], milliseconds: Sequence[int], quality: int = 70
) -> None:
    """Write `frames` (H, W, 3), each shown for its `milliseconds`, as WebP that loops for ever, atomically.

    `quality` (0 to 100) is that of a lossy code. Equal frames give equal bytes.
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
    return int(_font(size).getlength(text)) + 1 if text else 0


def _join(pictures: Sequence[NDArray[np.uint8]], gap: int, axis: int) -> NDArray[np.uint8]:
    other = 1 - axis
    length = max(picture.shape[other] for picture in pictures)
    parts = []
    for index, picture in enumerate(pictures):
        padding = [(0, 0), (0, 0), (0, 0)]
        padding[other] = (0, length - picture.shape[other])
        padding[axis] = (0, gap if index < len(pictures) - 1 else 0)
        parts.append(np.pad(picture, padding, constant_values=PAPER))
    return np.concatenate(parts, axis=axis)


def _draw(
    sheet: NDArray[np.uint8], texts: Sequence[tuple[str, int, int, str]], size: int
) -> NDArray[np.uint8]:
    """Write each (text, x, y, anchor) onto a copy of `sheet`."""
    from PIL import Image, ImageDraw

    picture = Image.fromarray(sheet)
    draw = ImageDraw.Draw(picture)
    for text, x, y, anchor in texts:
        draw.text((x, y), text, fill=(INK, INK, INK), font=_font(size), anchor=anchor)
    return np.asarray(picture).copy()


def _font(size: int) -> FreeTypeFont:
    # The font that comes inside Pillow: the same on every machine.
    from PIL import ImageFont
    from PIL.ImageFont import FreeTypeFont

    font = ImageFont.load_default(size)
    assert isinstance(font, FreeTypeFont)
    return font
