"""Small folders of photos."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

Draw = Callable[..., None]


@pytest.fixture
def draw(tmp_path: Path) -> Draw:
    """`draw("cat/a.jpg", ...)` makes files below the test's folder, each of its own colours."""

    def make(*paths: str, size: tuple[int, int] = (50, 40)) -> None:
        for path in paths:
            file = tmp_path / path
            file.parent.mkdir(parents=True, exist_ok=True)
            pixels = np.random.default_rng(list(path.encode())).integers(256, size=(*size[::-1], 3))
            Image.fromarray(pixels.astype(np.uint8)).save(file)

    return make
