"""What the IN-9 and cue-conflict scores need of a classifier, whatever its network and its classes are."""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from cgn.io.images import read_image, square

_BATCH = 16  # images at once; more is slower on a CPU
_BAR_AFTER = 5  # seconds

_log = logging.getLogger(__name__)


class ImageClassifier(NamedTuple):
    """A classifier of RGB images, and what its outputs mean.

    `probabilities` turns images uint8 (n, resolution, resolution, 3) into an array (n, outputs) whose rows
    sum to 1. `in9_classes` (outputs,) is the IN-9 class of each output, 0 to 8 in the order of
    `class_maps.IN9_CLASSES`, -1 for none. `cue_conflict_outputs` are the outputs that make up each
    cue-conflict class, by its name.
    """

    resolution: int
    probabilities: Callable[[NDArray[np.uint8]], NDArray[np.float32]]
    in9_classes: NDArray[np.int64]
    cue_conflict_outputs: dict[str, list[int]]


def classify_files(classifier: ImageClassifier, files: Sequence[Path], title: str) -> NDArray[np.float32]:
    """The probabilities (n, outputs) that `classifier` gives to n > 0 image files, in batches.

    Images of the classifier's own size enter as they are, as both published toolkits feed theirs
    (backgrounds_challenge, model-vs-human); of others the largest square is resized, which the log tells.
    `title` stands before the progress bar. Raises UserError when a file is no readable image.
    """
    resolution = classifier.resolution
    parts, resized = [], 0
    with tqdm(total=len(files), desc=title, unit="image", delay=_BAR_AFTER) as bar:
        for start in range(0, len(files), _BATCH):
            images = [read_image(file) for file in files[start : start + _BATCH]]
            resized += sum(image.size != (resolution, resolution) for image in images)
            parts.append(classifier.probabilities(np.stack([square(image, resolution) for image in images])))
            bar.update(len(images))
    if resized:
        _log.warning(
            "%s: %d of %d images are not of the classifier's %d pixels: resized",
            title, resized, len(files), resolution,
        )  # fmt: skip
    return np.concatenate(parts)
