"""What the IN-9 and cue-conflict scores need of a classifier, whatever its network and its classes are."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from tqdm import tqdm

from cgn.common.pictures import UNREADABLE
from cgn.errors import UserError

IMAGE_SUFFIXES = {".png", ".jpg", ".jpeg"}  # in lower case
_BATCH = 16  # images at once; more is slower on a CPU
_BAR_AFTER = 5  # seconds


class ImageClassifier(NamedTuple):
    """A classifier of RGB images of any size, and what its outputs mean.

    `probabilities` turns n images into an array (n, outputs) whose rows sum to 1. `in9_classes` (outputs,)
    is the IN-9 class of each output, 0 to 8 in the order of `class_maps.IN9_CLASSES`, -1 for none.
    `cue_conflict_outputs` are the outputs that make up each cue-conflict class, by its name.
    """

    probabilities: Callable[[Sequence[Image.Image]], NDArray[np.float32]]
    in9_classes: NDArray[np.int64]
    cue_conflict_outputs: dict[str, list[int]]


def image_files(folder: Path) -> list[Path]:
    """The PNG and JPEG files directly in `folder`, in order; hidden ones are no images."""
    return sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".")
    )


def classify_files(classifier: ImageClassifier, files: Sequence[Path], title: str) -> NDArray[np.float32]:
    """The probabilities (n, outputs) that `classifier` gives to n > 0 image files, in batches.

    `title` stands before the progress bar. Raises UserError when a file is no readable image.
    """
    parts = []
    with tqdm(total=len(files), desc=title, unit="image", delay=_BAR_AFTER) as bar:
        for start in range(0, len(files), _BATCH):
            batch = [_read(file) for file in files[start : start + _BATCH]]
            parts.append(classifier.probabilities(batch))
            bar.update(len(batch))
    return np.concatenate(parts)


def _read(file: Path) -> Image.Image:
    try:
        with Image.open(file) as image:
            return image.convert("RGB")
    except UNREADABLE as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{file}: not a readable image ({reason}); replace or remove it") from None
