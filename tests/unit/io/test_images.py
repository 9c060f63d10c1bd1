"""One reader of images: modes keep their range, photos stand upright, what is damaged is one line."""

import io
import re
import struct
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from cgn.errors import UserError
from cgn.io.images import read_image, reads_heic, square, upright_size

RAMP = np.arange(4096).reshape(64, 64) * 16  # 16 bits, from 0 to nearly 65,535
NOISE = np.random.default_rng(0).integers(256, size=(24, 40, 3), dtype=np.uint8)


def written(path: Path, values: np.ndarray) -> Path:
    Image.fromarray(values).save(path)
    return path


def saved(image: Image.Image, form: str, **options: object) -> io.BytesIO:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer


def tiff(row: list[int], bits: int, photometric: int) -> io.BytesIO:
    """A grey TIFF of one row, which Pillow cannot write: 12 bits a value, or 0 for white."""
    if bits == 12:
        pairs = zip(row[::2], row[1::2], strict=True)
        data = b"".join((first << 12 | second).to_bytes(3, "big") for first, second in pairs)
    else:
        data = struct.pack(f"<{len(row)}H", *row)
    tags = {
        256: len(row),
        257: 1,
        258: bits,
        259: 1,
        262: photometric,
        273: 8,
        277: 1,
        278: 1,
        279: len(data),
    }
    directory = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    count = struct.pack("<H", len(tags))
    return io.BytesIO(b"II*\0" + struct.pack("<I", 8 + len(data)) + data + count + directory + bytes(4))


@pytest.mark.parametrize(
    ("name", "kind"), [("a.png", "<u2"), ("a.tif", "<u2"), ("a.tif", ">u2"), ("a.tif", "<i4")]
)
def test_sixteen_bits_keep_their_range(tmp_path: Path, name: str, kind: str) -> None:
    """Pillow's own conversion makes 99 % of this ramp white."""
    image = read_image(written(tmp_path / name, RAMP.astype(kind)))
    assert image.mode == "RGB"
    np.testing.assert_array_equal(np.asarray(image)[..., 1], np.rint(RAMP / 257))


def test_twelve_bits_and_white_as_zero() -> None:
    twelve = np.asarray(read_image(tiff([0, 2048, 4095, 1024], 12, 1)))
    assert twelve[0, :, 0].tolist() == [0, 128, 255, 64]
    inverted = np.asarray(read_image(tiff([0, 32768, 65535, 257], 16, 0)))
    assert inverted[0, :, 0].tolist() == [255, 127, 0, 254]


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


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "LAB"])
def test_common_modes_are_read(mode: str) -> None:
    tall = np.zeros((8, 8, 3), dtype=np.uint8)
    tall[:, 4:] = 255  # black and white, which every mode has
    image = np.asarray(read_image(saved(Image.fromarray(tall).convert(mode), "tiff"))).astype(int)
    assert np.abs(image - tall).max() <= 2


def test_a_palette_with_alpha_is_read_without_a_word() -> None:
    palette = Image.fromarray(NOISE).quantize(8)
    file = saved(palette, "png", transparency=bytes([0, 50, 100, 200, 255, 255, 255, 255]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        image = read_image(file)
    np.testing.assert_array_equal(np.asarray(image), np.asarray(palette.convert("RGB")))


def test_an_image_of_bytes_keeps_them() -> None:
    for form in ("png", "tiff", "bmp", "ppm"):
        np.testing.assert_array_equal(np.asarray(read_image(saved(Image.fromarray(NOISE), form))), NOISE)


def test_of_an_animation_the_first_frame_is_read() -> None:
    frames = [Image.new("RGB", (8, 8), (shade, 0, 0)) for shade in (250, 5)]
    file = saved(frames[0], "gif", save_all=True, append_images=frames[1:])
    assert np.asarray(read_image(file)).max() == 250


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("form", ["jpeg", "png", "webp", "tiff"])
def test_a_photo_stands_upright(form: str, orientation: int, tmp_path: Path) -> None:
    stored = np.zeros((32, 48, 3), dtype=np.uint8)
    stored[:16, :, 0] = stored[:, :24, 1] = 200  # red above, green left
    turns = [0, 0, 180, 0, 0, -90, 0, 90]  # counter-clockwise, for those that do not mirror
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = saved(Image.fromarray(stored), form, exif=exif)
    (tmp_path / "a").write_bytes(file.getvalue())
    read = read_image(file)
    upright = Image.fromarray(stored)
    upright.getexif()[0x0112] = orientation
    expected = ImageOps.exif_transpose(upright)
    if orientation in (1, 3, 6, 8):
        assert expected == Image.fromarray(stored).rotate(turns[orientation - 1], expand=True)
    assert read.size == expected.size == upright_size(tmp_path / "a")
    assert np.abs(np.asarray(read).astype(int) - np.asarray(expected)).mean() < 8


@pytest.mark.parametrize("kind", ["uint8", "uint16"])
def test_grey_of_any_depth_stands_upright(tmp_path: Path, kind: str) -> None:
    dark_above = np.linspace(0, np.iinfo(kind).max, 64).astype(kind)[:, None].repeat(32, axis=1)
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    Image.fromarray(dark_above).save(tmp_path / "a.png", exif=exif)
    image = read_image(tmp_path / "a.png")
    assert image.size == (64, 32)
    assert np.asarray(image)[0, 0, 0] > 250
    assert np.asarray(image)[0, -1, 0] < 5


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
@pytest.mark.parametrize("exif", [b"Exif\0\0no such thing", b"Exif\0\0II*\0\x08\0\0\0\xff\xff\x12\x01"])
def test_damaged_exif_data_spoils_no_photo(exif: bytes) -> None:
    assert read_image(saved(Image.fromarray(NOISE), "jpeg", exif=exif)).size == (40, 24)


def test_heic_stands_upright_by_its_own_turn() -> None:
    assert reads_heic()
    lying = Image.fromarray(np.repeat(np.repeat(NOISE[:2, :2], 32, axis=0), 32, axis=1))
    exif = Image.Exif()
    exif[0x0112] = 6
    lying.info["exif"] = exif.tobytes()  # the encoder writes the container's own turn from this
    read = np.asarray(read_image(saved(lying, "heif", quality=95))).astype(int)
    assert np.abs(read - np.asarray(lying.rotate(-90, expand=True))).mean() < 20


def test_a_large_jpeg_may_be_read_smaller() -> None:
    file = saved(Image.fromarray(NOISE).resize((1200, 800)), "jpeg")
    small = read_image(file, at_least=64)
    assert small.size == (150, 100)
    assert read_image(file).size == (1200, 800)


def test_a_square_of_its_own_size_keeps_its_pixels() -> None:
    pixels = np.random.default_rng(0).integers(256, size=(224, 224, 3), dtype=np.uint8)
    np.testing.assert_array_equal(square(Image.fromarray(pixels), 224), pixels)


@pytest.mark.parametrize("size", [(1, 1), (3, 9000), (9000, 3)])
def test_odd_sizes_have_a_square(size: tuple[int, int]) -> None:
    assert square(read_image(saved(Image.new("RGB", size), "png")), 32).shape == (32, 32, 3)


def bomb() -> bytes:
    """A PNG's header that promises 200,000 x 200,000 pixels."""
    plain = saved(Image.new("L", (1, 1)), "png").getvalue()
    return plain[:16] + struct.pack(">II", 200_000, 200_000) + plain[24:]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no image",
        b"<!doctype html><title>404</title>",
        b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",  # Pillow would start Ghostscript
        bomb(),
    ],
    ids=["empty", "text", "html", "pointer", "postscript", "bomb"],
)
def test_what_is_no_image_is_one_line(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(UserError, match=r"^\S+a\.png: not a readable image \(.+\); replace or") as caught:
        read_image(tmp_path / "a.png")
    assert "\n" not in str(caught.value)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("form", ["jpeg", "png", "webp", "gif", "tiff", "bmp"])
def test_damage_is_one_line_or_an_image(form: str) -> None:
    """Two hundred files with a few random bytes, and some cut."""
    whole = saved(Image.fromarray(NOISE).quantize(16).convert("RGB"), form).getvalue()
    random = np.random.default_rng(list(form.encode()))
    refused = []
    for number in range(200):
        damaged = bytearray(whole[: random.integers(1, len(whole))] if number % 4 == 0 else whole)
        # Headers stand at the beginning, a TIFF's directory at the end.
        places = random.integers(min(len(damaged), 120), size=3) * (-1 if number % 2 else 1)
        for place in places:
            damaged[place] = random.integers(256)
        try:
            image = read_image(io.BytesIO(damaged), "name")
        except UserError as error:
            refused.append(str(error))
        else:
            assert image.mode == "RGB"
    assert len(refused) > 20
    assert all(
        re.fullmatch(r"name: not a readable image \(.+\); replace or remove it", line) for line in refused
    )
