"""Composites of an object and a background, and the two test sets made of them, in the published layouts.

IN-9 has the same objects in eight variants (Xiao et al. 2021, "Noise or Signal: the role of image backgrounds
in object recognition", section 2 and their script for only_bg_t). Cue conflict combines the shape of a class
with the texture of another (Geirhos et al. 2019, "ImageNet-trained CNNs are biased towards texture", section
2). Every world with masks makes its sets of these parts.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Bytes = NDArray[np.uint8]
Box = tuple[slice, slice]  # rows, columns

GREY = 224  # of the background of cue-conflict stimuli, a light grey that no emoji surface or background has


def compose_bytes(mask: Bytes, foreground: Bytes, background: Bytes) -> Bytes:
    """Composes images, x = m f + (1 - m) b (Eq. 2), on bytes, rounded.

    `mask` is (..., r, r), 255 on the object; `foreground` and `background` are (..., r, r, 3).
    """
    share = mask[..., None].astype(np.uint32)
    return ((share * foreground + (255 - share) * background + 127) // 255).astype(np.uint8)


def bounding_box(mask: NDArray[np.generic]) -> Box:
    """The smallest box that holds every pixel of a mask (r, r) that is not 0; there must be one."""
    rows, columns = np.nonzero(mask.any(axis=1))[0], np.nonzero(mask.any(axis=0))[0]
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def tiled(image: Bytes, box: Box) -> Bytes:
    """Tiles an image (r, r, 3) with the largest of its four strips above, below and beside a box.

    The box must not fill the image.
    """
    rows, columns = box
    strips = (image[:, : columns.start], image[:, columns.stop :], image[: rows.start], image[rows.stop :])
    tile = max(strips, key=lambda strip: strip.size)
    times = -(-np.array(image.shape[:2]) // tile.shape[:2])
    return np.tile(tile, (*times, 1))[: image.shape[0], : image.shape[1]]


def in9_variants(
    original: Bytes, mask: Bytes, foreground: Bytes, own: Bytes, others: Mapping[str, Bytes]
) -> Iterator[tuple[str, Bytes]]:
    """Yields name and image uint8 (r, r, 3) of the variants of one object, but for those without object.

    original: as it is. `others` has a background for each of mixed_same, mixed_rand and mixed_next: of the
    class, of a random class, of the next class. only_fg: on black. no_fg: on `own`, with the object black.
    """
    black = np.zeros_like(original)
    yield "original", original
    for variant, background in others.items():
        yield variant, compose_bytes(mask, foreground, background)
    yield "only_fg", compose_bytes(mask, foreground, black)
    yield "no_fg", compose_bytes(mask, black, own)


def background_variants(original: Bytes, box: Box) -> Iterator[tuple[str, Bytes]]:
    """Yields name and image uint8 (r, r, 3) of the variants in which the object's box is filled.

    only_bg_b: the box is black. only_bg_t: it is filled with tiles of what is around it.
    """
    yield "only_bg_b", _filled(original, box, np.zeros_like(original))
    yield "only_bg_t", _filled(original, box, tiled(original, box))


def _filled(image: Bytes, box: Box, filling: Bytes) -> Bytes:
    filled = image.copy()
    filled[box] = filling[box]
    return filled


def in9_file(variant: str, class_folder: str, number: int) -> Path:
    """The path of image `number` of a class in a variant, below the folder of the set."""
    return Path(variant, "val", class_folder, f"{number:04d}.png")


def write_image(path: Path, image: Bytes) -> None:
    """Writes an image as PNG, and makes its folder. Equal pixels give equal bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path, compress_level=6)
