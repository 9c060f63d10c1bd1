"""The IDX reader: every spelling is read, every damage is named."""

import gzip
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from cgn.data.mnist.digits import read_digit_pair, read_idx
from cgn.errors import UserError

IMAGES = np.arange(3 * 28 * 28, dtype=np.uint32).astype(np.uint8).reshape(3, 28, 28)
LABELS = np.array([5, 0, 9], dtype=np.uint8)


def encode(array: NDArray[np.uint8]) -> bytes:
    return bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def write_pair(folder: Path, separator: str = "-", ending: str = "") -> None:
    pack: Callable[[bytes], bytes] = gzip.compress if ending else bytes
    (folder / f"train-images{separator}idx3-ubyte{ending}").write_bytes(pack(encode(IMAGES)))
    (folder / f"train-labels{separator}idx1-ubyte{ending}").write_bytes(pack(encode(LABELS)))


@pytest.mark.parametrize("separator", ["-", "."])
@pytest.mark.parametrize("ending", ["", ".gz"])
def test_reads_every_spelling(separator: str, ending: str, tmp_path: Path) -> None:
    write_pair(tmp_path, separator, ending)
    images, labels = read_digit_pair(tmp_path, "train")
    np.testing.assert_array_equal(images, IMAGES)
    np.testing.assert_array_equal(labels, LABELS)


def test_gzip_is_told_by_content(tmp_path: Path) -> None:
    (tmp_path / "labels").write_bytes(gzip.compress(encode(LABELS)))
    np.testing.assert_array_equal(read_idx(tmp_path / "labels", dimensions=1), LABELS)


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (encode(IMAGES)[:-1], "truncated, the header promises 2352 bytes, 2351 follow"),
        (encode(IMAGES) + b"x", "too long, the header promises 2352 bytes, 2353 follow"),
        (encode(IMAGES)[:9], "truncated, 9 bytes where the header has 16"),
        (encode(IMAGES)[:2], "truncated, 2 bytes where the header has 16"),
        (b"", "truncated, 0 bytes where the header has 16"),
        (encode(LABELS), "magic number 00000801 where 00000803"),
        (b"\x00\x00\x0d\x03" + encode(IMAGES)[4:], "magic number 00000d03 where 00000803"),
        (b"<html>404</html>", "magic number 3c68746d where 00000803"),
        (gzip.compress(encode(IMAGES))[:-20], "damaged or truncated gzip"),
        (gzip.compress(encode(IMAGES))[:50] + b"garbage" * 9, "damaged or truncated gzip"),
    ],
)
def test_damage_is_one_line_that_names_the_file(content: bytes, fault: str, tmp_path: Path) -> None:
    path = tmp_path / "train-images-idx3-ubyte"
    path.write_bytes(content)
    with pytest.raises(UserError) as failure:
        read_idx(path, dimensions=3)
    message = str(failure.value)
    assert message.startswith(f"{path}: {fault}")
    assert "\n" not in message


def test_a_header_that_promises_terabytes_allocates_nothing(tmp_path: Path) -> None:
    path = tmp_path / "images"
    path.write_bytes(bytes([0, 0, 8, 3]) + struct.pack(">3I", 2**32 - 1, 2**32 - 1, 2**32 - 1) + b"few")
    with pytest.raises(UserError, match="truncated"):
        read_idx(path, dimensions=3)


def replace_labels(folder: Path, labels: list[int]) -> None:
    path = folder / "train-labels-idx1-ubyte"
    path.write_bytes(encode(np.array(labels, dtype=np.uint8)))


def test_counts_that_disagree(tmp_path: Path) -> None:
    write_pair(tmp_path)
    replace_labels(tmp_path, [1, 2])
    with pytest.raises(UserError, match=r"train-labels-idx1-ubyte: 2 labels for the 3 images"):
        read_digit_pair(tmp_path, "train")


def test_a_label_above_nine(tmp_path: Path) -> None:
    write_pair(tmp_path)
    replace_labels(tmp_path, [1, 2, 10])
    with pytest.raises(UserError, match=r"train-labels-idx1-ubyte: label 10, expected 0 to 9"):
        read_digit_pair(tmp_path, "train")


def test_images_of_another_size(tmp_path: Path) -> None:
    write_pair(tmp_path)
    (tmp_path / "train-images-idx3-ubyte").write_bytes(encode(IMAGES[:, :14]))
    with pytest.raises(UserError, match=r"train-images-idx3-ubyte: images of 14x28 pixels, expected 28x28"):
        read_digit_pair(tmp_path, "train")


def test_missing_files_and_folder(tmp_path: Path) -> None:
    write_pair(tmp_path)
    with pytest.raises(UserError, match=r"t10k-images-idx3-ubyte\[\.gz\]: not found"):
        read_digit_pair(tmp_path, "t10k")
    with pytest.raises(UserError, match=r"nowhere: no such folder"):
        read_digit_pair(tmp_path / "nowhere", "train")


def test_real_mnist(shared_data: Path) -> None:
    images, labels = read_digit_pair(shared_data / "mnist", "train")
    assert images.shape == (60_000, 28, 28)
    assert labels[:5].tolist() == [5, 0, 4, 1, 9]
    # Published class counts and pixel mean (0.1307) of the training set.
    assert np.bincount(labels).tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert images.mean() / 255 == pytest.approx(0.1307, abs=5e-5)
    assert read_digit_pair(shared_data / "mnist", "t10k")[0].shape == (10_000, 28, 28)
