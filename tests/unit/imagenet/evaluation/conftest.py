"""A classifier whose answers are known: the image's red value says which row of a table it gets."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from cgn.imagenet.classifiers.image_classifier import ImageClassifier


@pytest.fixture
def classifier_of() -> Callable[..., ImageClassifier]:
    """`classifier_of(table, in9_classes, cue_conflict_outputs)` answers row `red` of `table`."""

    def make(
        table: NDArray[np.floating],
        in9_classes: Sequence[int] = (),
        cue_conflict_outputs: dict[str, list[int]] | None = None,
    ) -> ImageClassifier:
        rows = table.astype(np.float32)

        def probabilities(images: Sequence[Image.Image]) -> NDArray[np.float32]:
            return rows[[np.asarray(image)[0, 0, 0] for image in images]]

        return ImageClassifier(probabilities, np.array(in9_classes), cue_conflict_outputs or {})

    return make


@pytest.fixture
def paint() -> Callable[[Path, int], None]:
    """`paint(file, red)` writes a small image of that red value, and its folders."""

    def write(file: Path, red: int) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (6, 4), (red, 255, 255)).save(file)

    return write
