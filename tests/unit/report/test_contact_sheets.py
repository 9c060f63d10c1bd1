from pathlib import Path
from unicodedata import normalize

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageColor, ImageFont

from cgn.report.contact_sheets import (
    GROUND,
    INK,
    _font,
    arrange,
    contact_sheet,
    text_width,
    write_animation,
    write_png,
)


@pytest.fixture
def images() -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 200, (2, 3, 4, 5, 3), dtype=np.uint8)


def test_every_pixel_of_every_image_is_where_it_belongs(images: NDArray[np.uint8]) -> None:
    sheet = contact_sheet(images, scale=2, gap=3)

    assert sheet.shape == (2 * 8 + 3, 3 * 10 + 2 * 3, 4)
    expected = np.full_like(sheet, GROUND)
    for row in range(2):
        for column in range(3):
            top, left = row * 11, column * 13
            expected[top : top + 8, left : left + 10, :3] = np.kron(
                images[row, column], np.ones((2, 2, 1), np.uint8)
            )
            expected[top : top + 8, left : left + 10, 3] = 255
    np.testing.assert_array_equal(sheet, expected)


def test_the_ground_is_transparent_and_images_are_not(images: NDArray[np.uint8]) -> None:
    white = np.full_like(images, 255)
    sheet = contact_sheet(white, ["first", "second"], ["a", "b", "c"], "title", captions=["1", "2", "3"])
    picture = arrange([[sheet, sheet]])

    opaque_white = (picture == 255).all(axis=2)
    assert opaque_white.sum() == 2 * white[..., 0].size * 2 * 2  # two sheets, each pixel four times
    # All else is the ink, from nothing to full: no light or dark fringe around the letters.
    assert (picture[~opaque_white][:, :3] == INK).all()
    assert picture[0, 0, 3] == 0
    assert (picture[~opaque_white][:, 3] == 255).any()


@pytest.mark.parametrize("ground", ["#ffffff", "#1d2126"])
def test_the_ink_reads_on_a_light_and_on_a_dark_page(ground: str) -> None:
    assert contrast((INK, INK, INK), ImageColor.getrgb(ground)) >= 4


def contrast(first: tuple[int, ...], second: tuple[int, ...]) -> float:
    """As WCAG 2 defines it."""
    low, high = sorted(luminance(color) for color in (first, second))
    return (high + 0.05) / (low + 0.05)


def luminance(color: tuple[int, ...]) -> float:
    values = np.array(color) / 255
    linear = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    return float(linear @ (0.2126, 0.7152, 0.0722))


def test_grey_images_become_grey_pixels(images: NDArray[np.uint8]) -> None:
    sheet = contact_sheet(images[..., 0], scale=1, gap=0)

    np.testing.assert_array_equal(sheet[:4, :5, :3], np.repeat(images[0, 0, :, :, :1], 3, axis=-1))


def test_labels_stand_outside_the_images(images: NDArray[np.uint8]) -> None:
    bare = contact_sheet(images)
    labelled = contact_sheet(images, ["first", "second"], ["a", "b", "c"], "title longer than the sheet")

    height, width, _ = bare.shape
    top, left = labelled.shape[0] - height, text_width("second", 16) + 8
    np.testing.assert_array_equal(labelled[top:, left : left + width], bare)
    assert labelled[top:, :left, 3].max() == 255  # row labels
    assert labelled[top - 22 : top, left : left + width, 3].max() == 255  # column labels
    assert labelled[: top - 24, :, 3].max() == 255  # title
    assert labelled[:, -1, 3].max() == 0  # not cut off


def test_captions_stand_below(images: NDArray[np.uint8]) -> None:
    bare, captioned = contact_sheet(images), contact_sheet(images, captions=["1", "2", "3"])
    np.testing.assert_array_equal(captioned[: bare.shape[0]], bare)
    assert captioned[bare.shape[0] :, :, 3].max() == 255
    assert captioned[-1, :, 3].max() == 0  # not cut off


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
    small, large = np.zeros((2, 3, 4), np.uint8), np.zeros((5, 4, 4), np.uint8)

    picture = arrange([[small, large], [small]], gap=1, margin=2)

    assert picture.shape == (5 + 1 + 2 + 4, 3 + 1 + 4 + 4, 4)
    assert (picture[..., 0] == 0).sum() == 6 + 20 + 6
    assert (picture[2:4, 2:5] == 0).all()
    assert (picture[2:7, 6:10] == 0).all()
    assert (picture[8:10, 2:5] == 0).all()
    assert (picture[0, 0] == GROUND).all()


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


def test_an_animation_keeps_its_ground_transparent(tmp_path: Path) -> None:
    flat = (np.full((1, 2, 20, 30, 3), grey, np.uint8) for grey in (0, 200))
    frames = [contact_sheet(images, title="title") for images in flat]
    write_animation(tmp_path / "moving.webp", frames, [700, 80])

    with Image.open(tmp_path / "moving.webp") as animation:
        for index, frame in enumerate(frames):
            animation.seek(index)
            shown = np.asarray(animation.convert("RGBA"))
            np.testing.assert_array_equal(shown[..., 3], frame[..., 3])
            assert np.abs(shown[-30:-10, 10:50, :3].astype(int) - frame[-30:-10, 10:50, :3]).max() < 8


def test_letters_with_accents_are_no_boxes() -> None:
    """In both normal forms; what Pillow's own font has looks as ever."""
    image = np.zeros((1, 1, 8, 8), np.uint8)
    names = ["Äpfel", "ябл", "\uffff\uffff\uffff"]
    drawn = {name: contact_sheet(image, [name]) for name in names}
    assert len({sheet.tobytes() for sheet in drawn.values()}) == len(names)
    np.testing.assert_array_equal(contact_sheet(image, [normalize("NFD", "Äpfel")]), drawn["Äpfel"])
    assert contact_sheet(image, ["é"]).tobytes() != contact_sheet(image, ["è"]).tobytes()
    assert _font(16, "Apfel #1, 5 % $ < &").getname() == ImageFont.load_default(16).getname()
