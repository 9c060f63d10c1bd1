from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cgn.data.photos.entries import Entry
from cgn.data.photos.photos import read_photos, read_square
from cgn.errors import UserError
from tests.unit.data.photos.conftest import Draw


def test_the_square_in_the_middle(tmp_path: Path) -> None:
    pixels = np.zeros((32, 96, 3), dtype=np.uint8)
    pixels[:, 32:64] = 200
    pixels[:16, 32:64] = 100
    Image.fromarray(pixels).save(tmp_path / "a.png")
    assert np.array_equal(read_square(tmp_path / "a.png", 32), pixels[:, 32:64])


def test_a_photo_stands_upright_and_in_colour(tmp_path: Path) -> None:
    grey = np.tile(np.arange(64, dtype=np.uint8)[:, None] * 4, (1, 64))  # dark above
    exif = Image.Exif()
    exif[0x0112] = 3  # taken upside down
    Image.fromarray(grey).save(tmp_path / "a.png", exif=exif)
    square = read_square(tmp_path / "a.png", 32)
    assert square.shape == (32, 32, 3)
    assert square[0].mean() > 200
    assert square[-1].mean() < 50


def test_a_large_jpeg_is_decoded_small_and_looks_the_same(tmp_path: Path) -> None:
    colours = np.random.default_rng(0).integers(256, size=(8, 12, 3), dtype=np.uint8)
    large = Image.fromarray(colours).resize((1800, 1200), Image.Resampling.BICUBIC)
    large.save(tmp_path / "a.jpg", quality=95)
    large.save(tmp_path / "a.png")
    jpeg, png = (read_square(tmp_path / f"a.{form}", 64).astype(int) for form in ("jpg", "png"))
    assert np.abs(jpeg - png).mean() < 1.5


def test_labels_follow_the_classes(draw: Draw, tmp_path: Path) -> None:
    draw("dog/a.png", "cat/a.png")
    entries = [Entry(f"{name}/a.png", name, "train", 1) for name in ("dog", "cat")]
    world = read_photos(tmp_path, entries, ["cat", "dog"], 32)
    assert world["labels"].tolist() == [1, 0]
    assert np.array_equal(world["images"][1], read_square(tmp_path / "cat/a.png", 32))


def test_a_damaged_photo_is_named(draw: Draw, tmp_path: Path) -> None:
    draw("cat/a.jpg")
    file = tmp_path / "cat/a.jpg"
    file.write_bytes(file.read_bytes()[:300])
    with pytest.raises(UserError, match=r"cat/a\.jpg: not a readable image \(.*\); replace or remove it"):
        read_square(file, 32)


def test_a_photo_of_too_many_pixels_is_named(
    draw: Draw, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw("cat/a.jpg")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(UserError, match=r"cat/a\.jpg: not a readable image \(.*decompression bomb"):
        read_square(tmp_path / "cat/a.jpg", 32)
