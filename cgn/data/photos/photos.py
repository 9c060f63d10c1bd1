"""Photos as the square images of a small world."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from cgn.data.photos.index import Entry
from cgn.io.images import read_image, square


def read_photos(
    root: Path, entries: Sequence[Entry], classes: Sequence[str], resolution: int
) -> dict[str, NDArray[Any]]:
    """`images` uint8 (n, resolution, resolution, 3) and `labels` int64 (n,), the places in `classes`.

    Raises UserError when a file is no readable image.
    """
    images = np.empty((len(entries), resolution, resolution, 3), dtype=np.uint8)
    for row, entry in enumerate(tqdm(entries, desc="photos", unit="image", delay=5)):
        images[row] = read_square(root / entry.path, resolution)
    places = {name: place for place, name in enumerate(classes)}
    return {"images": images, "labels": np.array([places[e.class_name] for e in entries], dtype=np.int64)}


def read_square(file: Path, resolution: int) -> NDArray[np.uint8]:
    """An image file as `square` has it. Raises UserError when it is no readable image."""
    return square(read_image(file), resolution)
