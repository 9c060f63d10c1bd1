import io

import numpy as np
import pytest
from PIL import Image

from cgn.common.png import encode_png

NOISE = np.random.default_rng(0).integers(256, size=(32, 32, 3), dtype=np.uint8)
GRADIENT = np.indices((5, 300)).sum(axis=0)[:, :, None].repeat(3, axis=2).astype(np.uint8)  # wraps at 256


@pytest.mark.parametrize("image", [NOISE, GRADIENT, NOISE[:, ::2], NOISE[:1, :1], np.full_like(NOISE, 255)])
def test_any_reader_finds_the_pixels(image: np.ndarray) -> None:
    found = Image.open(io.BytesIO(encode_png(image)))
    assert found.mode == "RGB"
    np.testing.assert_array_equal(np.asarray(found), image)


def test_files_are_about_as_small_as_those_of_pillow() -> None:
    rng = np.random.default_rng(0)
    square = np.zeros((32, 32, 1), np.uint8)
    square[8:24, 8:24] = 90
    image = square + rng.integers(100, 105, size=(32, 32, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "png", compress_level=1)
    assert len(encode_png(image)) < 1.1 * len(buffer.getvalue())
