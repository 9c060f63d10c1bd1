"""Near-duplicates: copies are found, other photos are not."""

import csv
import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from cgn.data.photos.near_duplicates import Look, group_near_duplicates, look_at
from cgn.io.images import UnreadableImageError


def look(image: Image.Image, folder: Path, form: str = "png", **options: object) -> Look:
    image.save(folder / f"a.{form}", **options)
    found = look_at(folder / f"a.{form}")
    assert isinstance(found, Look)
    return found


def scene(number: int) -> Image.Image:
    """A smooth random picture of 120 x 90 pixels."""
    colours = np.random.default_rng(number).integers(256, size=(6, 8, 3), dtype=np.uint8)
    return Image.fromarray(colours).resize((120, 90), Image.Resampling.BICUBIC)


COPIES = {
    "same": lambda image: (image, "png", {}),
    "poor JPEG": lambda image: (image, "jpg", {"quality": 30}),
    "half the size": lambda image: (image.resize((60, 45)), "webp", {}),
    "large": lambda image: (image.resize((1200, 900)), "jpg", {}),
    "brighter": lambda image: (ImageEnhance.Brightness(image).enhance(1.1), "png", {}),
    "lying, turned by EXIF": lambda image: (image.rotate(90, expand=True), "jpg", {"exif": turned()}),
}


def turned() -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif


@pytest.mark.parametrize("copy", COPIES)
def test_a_copy_is_found(copy: str, tmp_path: Path) -> None:
    image, form, options = COPIES[copy](scene(0))
    looks = [look(scene(0), tmp_path), look(scene(1), tmp_path), look(image, tmp_path, form, **options)]
    assert group_near_duplicates(looks) == [0, 1, 0]


OTHERS = {
    "mirrored": lambda image: image.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
    "upside down": lambda image: image.transpose(Image.Transpose.FLIP_TOP_BOTTOM),
    "a crop": lambda image: image.crop((30, 20, 120, 90)),
    "negative": lambda image: Image.fromarray(255 - np.asarray(image)),
}


@pytest.mark.parametrize("other", OTHERS)
def test_another_photo_is_not(other: str, tmp_path: Path) -> None:
    looks = [look(scene(0), tmp_path), look(OTHERS[other](scene(0)), tmp_path)]
    assert group_near_duplicates(looks) == [0, 1]


def test_plain_surfaces_of_two_colours_differ(tmp_path: Path) -> None:
    looks = [look(Image.new("RGB", (40, 40), color), tmp_path) for color in ("red", "navy", "red")]
    assert looks[0].bits == looks[1].bits  # so the hash alone would not tell
    assert group_near_duplicates(looks) == [0, 1, 0]


def test_chains_are_one_group() -> None:
    grey = np.full(192, 100, dtype=np.uint8)
    looks = [Look(0, grey + 50), Look(0, grey), Look(0, grey + 25), Look(2**64 - 1, grey)]
    assert group_near_duplicates(looks) == [0, 0, 0, 3]
    assert group_near_duplicates([]) == []


def test_an_unreadable_file_is_an_error_to_count(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"no image")
    assert isinstance(look_at(tmp_path / "a.jpg"), UnreadableImageError)


def test_real_photos_and_their_copies(shared_data: Path, tmp_path: Path) -> None:
    """Of 1,000 photos none is another's near-duplicate, and nearly every poor copy is found."""
    source = shared_data / "tiny_imagenet_in9"
    with (source / "labels.tsv").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream, delimiter="\t"))[::6]
    with zipfile.ZipFile(source / "images.zip") as archive:
        photos = [Image.open(io.BytesIO(archive.read(f"{row['split']}/{row['file']}"))) for row in rows]
    looks = [look(photo.convert("RGB"), tmp_path) for photo in photos]
    assert group_near_duplicates(looks) == list(range(len(looks)))
    copies = [
        look(photo.convert("RGB").resize((40, 40)), tmp_path, "jpg", quality=50) for photo in photos[::5]
    ]
    groups = group_near_duplicates([*looks[::5], *copies])
    found = [groups[len(copies) + place] == place for place in range(len(copies))]
    assert np.mean(found) > 0.9
