from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from cgn.images import PAPER, arrange, contact_sheet, text_width, write_animation, write_png


@pytest.fixture
def images() -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 200, (2, 3, 4, 5, 3), dtype=np.uint8)


def test_every_pixel_of_every_image_is_where_it_belongs(images: NDArray[np.uint8]) -> None:
    sheet = contact_sheet(images, scale=2, gap=3)

    assert sheet.shape == (2 * 8 + 3, 3 * 10 + 2 * 3, 3)
    expected = np.full_like(sheet, PAPER)
    for row in range(2):
        for column in range(3):
            top, left = row * 11, column * 13
            expected[top : top + 8, left : left + 10] = np.kron(
                images[row, column], np.ones((2, 2, 1), np.uint8)
            )
    np.testing.assert_array_equal(sheet, expected)


def test_grey_images_become_grey_pixels(images: NDArray[np.uint8]) -> None:
    sheet = contact_sheet(images[..., 0], scale=1, gap=0)

    np.testing.assert_array_equal(sheet[:4, :5], np.repeat(images[0, 0, :, :, :1], 3, axis=-1))


def test_labels_stand_outside_the_images(images: NDArray[np.uint8]) -> None:
    bare = contact_sheet(images)
    labelled = contact_sheet(images, ["first", "second"], ["a", "b", "c"], "title longer than the sheet")

    height, width, _ = bare.shape
    top, left = labelled.shape[0] - height, text_width("second", 16) + 8
    np.testing.assert_array_equal(labelled[top:, left : left + width], bare)
    assert labelled[top:, :left].min() < 100  # row labels
    assert labelled[top - 22 : top, left : left + width].min() < 100  # column labels
    assert labelled[: top - 24].min() < 100  # title
    assert labelled[:, -1].min() == PAPER  # not cut off


def test_captions_stand_below(images: NDArray[np.uint8]) -> None:
    bare, captioned = contact_sheet(images), contact_sheet(images, captions=["1", "2", "3"])
    np.testing.assert_array_equal(captioned[: bare.shape[0]], bare)
    assert captioned[bare.shape[0] :].min() < 100
    assert captioned[-1].min() == PAPER  # not cut off


def test_a_long_title_beside_row_labels_is_not_cut_off(images: NDArray[np.uint8]) -> None:
    title = "title longer than the sheet"
    left = text_width("a rather long label", 16) + 8
    sheet = contact_sheet(images, ["a rather long label", "b"], title=title)
    assert sheet.shape[1] == left + text_width(title, 19)


def test_a_label_too_few_is_refused(images: NDArray[np.uint8]) -> None:
    with pytest.raises(ValueError, match="1 labels for 2 rows"):
        contact_sheet(images, row_labels=["only"])
    with pytest.raises(ValueError, match="2 labels for 3 columns"):
        contact_sheet(images, captions=["a", "b"])


def test_float_images_are_refused(images: NDArray[np.uint8]) -> None:
    with pytest.raises(ValueError, match="uint8"):
        contact_sheet(images.astype(np.float32))


def test_arrange_pads_pictures_of_different_sizes() -> None:
    small, large = np.zeros((2, 3, 3), np.uint8), np.zeros((5, 4, 3), np.uint8)

    picture = arrange([[small, large], [small]], gap=1, margin=2)

    assert picture.shape == (5 + 1 + 2 + 4, 3 + 1 + 4 + 4, 3)
    assert (picture[..., 0] == 0).sum() == 6 + 20 + 6
    assert (picture[2:4, 2:5] == 0).all()
    assert (picture[2:7, 6:10] == 0).all()
    assert (picture[8:10, 2:5] == 0).all()


def test_png_keeps_the_pixels_and_equal_pictures_are_equal_bytes(
    tmp_path: Path, images: NDArray[np.uint8]
) -> None:
    sheet = contact_sheet(images, ["0", "1"])
    for name in ("first.png", "second.png"):
        write_png(tmp_path / name, sheet)

    assert (tmp_path / "first.png").read_bytes() == (tmp_path / "second.png").read_bytes()
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "first.png")), sheet)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["first.png", "second.png"]


def test_an_animation_keeps_its_frames_and_times(tmp_path: Path) -> None:
    frames = [np.full((20, 30, 3), grey, np.uint8) for grey in (0, 100, 200)]
    for name in ("first.webp", "second.webp"):
        write_animation(tmp_path / name, frames, [700, 80, 500])

    assert (tmp_path / "first.webp").read_bytes() == (tmp_path / "second.webp").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["first.webp", "second.webp"]
    with Image.open(tmp_path / "first.webp") as animation:
        assert animation.info["loop"] == 0
        times = []
        for index, frame in enumerate(frames):
            animation.seek(index)
            assert np.abs(np.asarray(animation.convert("RGB")).astype(int) - frame).max() < 8
            times.append(animation.info["duration"])
        assert animation.n_frames == 3
    assert times == [700, 80, 500]
