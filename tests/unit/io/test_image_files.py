"""One reader of images: modes keep their range, photos stand upright, what is left out is counted."""

import io
import logging
import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cgn.errors import UserError
from cgn.io.images import SUFFIXES, class_folders, image_files, log_skipped, read_image, square

RAMP = np.arange(4096).reshape(64, 64) * 16  # 16 bits, from 0 to nearly 65,535


def written(path: Path, values: np.ndarray) -> Path:
    Image.fromarray(values).save(path)
    return path


@pytest.mark.parametrize(
    ("name", "kind"), [("a.png", "<u2"), ("a.tif", "<u2"), ("a.tif", ">u2"), ("a.tif", "<i4")]
)
def test_sixteen_bits_keep_their_range(tmp_path: Path, name: str, kind: str) -> None:
    """Pillow's own conversion makes 99 % of this ramp white."""
    image = read_image(written(tmp_path / name, RAMP.astype(kind)))
    assert image.mode == "RGB"
    np.testing.assert_array_equal(np.asarray(image)[..., 1], np.rint(RAMP / 257))


def test_a_graymap_of_sixteen_bits(tmp_path: Path) -> None:
    (tmp_path / "a.pgm").write_bytes(b"P5 2 1 65535\n\xff\xff\x80\x00")
    assert np.asarray(read_image(tmp_path / "a.pgm"))[0, :, 0].tolist() == [255, 128]


def test_floats_run_from_0_to_1(tmp_path: Path) -> None:
    ramp = np.linspace(0, 1, 256, dtype=np.float32).reshape(16, 16)
    image = read_image(written(tmp_path / "a.tif", ramp))
    np.testing.assert_array_equal(np.asarray(image)[..., 0].ravel(), np.arange(256))


@pytest.mark.parametrize(
    "values",
    [
        np.array([[0, 70000]], dtype=np.int32),
        np.array([[-1, 5]], dtype=np.int32),
        np.array([[0, 200.0]], dtype=np.float32),
        np.array([[0, np.nan]], dtype=np.float32),
    ],
    ids=["large", "negative", "bytes as floats", "no number"],
)
def test_values_of_an_unknown_range_are_refused(tmp_path: Path, values: np.ndarray) -> None:
    with pytest.raises(UserError, match=r"a\.tif: not a readable image \(values from .* 8 bits") as failure:
        read_image(written(tmp_path / "a.tif", values))
    assert "\n" not in str(failure.value)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK"])
def test_common_modes_are_read(mode: str) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (4, 4), (255, 255, 255)).convert(mode).save(buffer, "tiff")
    assert np.asarray(read_image(buffer)).min() == 255


@pytest.mark.parametrize("kind", ["uint8", "uint16"])
def test_a_photo_stands_upright(tmp_path: Path, kind: str) -> None:
    dark_above = np.linspace(0, np.iinfo(kind).max, 64).astype(kind)[:, None].repeat(32, axis=1)
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    Image.fromarray(dark_above).save(tmp_path / "a.png", exif=exif)
    image = read_image(tmp_path / "a.png")
    assert image.size == (64, 32)
    assert np.asarray(image)[0, 0, 0] > 250
    assert np.asarray(image)[0, -1, 0] < 5


def test_a_square_of_its_own_size_keeps_its_pixels() -> None:
    pixels = np.random.default_rng(0).integers(256, size=(224, 224, 3), dtype=np.uint8)
    np.testing.assert_array_equal(square(Image.fromarray(pixels), 224), pixels)


def test_what_is_skipped_is_counted_by_its_reason(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    names = [f"{number}{suffix}" for number, suffix in enumerate(SUFFIXES)] + ["z.JPEG"]
    for name in (*names, "._0.jpg", ".DS_Store", "notes.txt"):
        (tmp_path / name).touch()
    (tmp_path / "more.jpg").mkdir()
    (tmp_path / "gone.jpg").symlink_to(tmp_path / "nowhere.jpg")
    (tmp_path / os.fsdecode(b"caf\xe9.jpg")).touch()
    skipped = Counter[str]()
    assert [path.name for path in image_files(tmp_path, skipped)] == names
    with caplog.at_level(logging.WARNING):
        log_skipped(tmp_path, skipped)
        log_skipped(tmp_path, Counter())
    (record,) = caplog.records
    assert record.getMessage() == (
        f"{tmp_path}: skipped: 1 folders, 2 hidden, 1 links to nothing, 1 names that are no UTF-8,"
        " 1 no images by their ending"
    )


def test_a_class_whose_name_is_no_utf_8_is_named(tmp_path: Path) -> None:
    (tmp_path / "dog").mkdir()
    (tmp_path / ".git").mkdir()
    assert class_folders(tmp_path) == [tmp_path / "dog"]
    (tmp_path / os.fsdecode(b"caf\xe9")).mkdir()
    with pytest.raises(UserError, match=r"caf\\xe9: the name is no UTF-8; rename the folder"):
        class_folders(tmp_path)
