import logging
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cgn.data.params import WorldBudget
from cgn.data.photos.index import index_folder
from cgn.data.photos.own_masks import mask_of, read_mask, read_own_masks, write_own_masks
from cgn.data.photos.photos import write_photo_world
from cgn.errors import UserError
from cgn.io.image_folders import Skipped

BUDGET = WorldBudget(
    train=100, validation=100, test=100, in9_images_per_class=1, cue_conflict_images_per_pair=1
)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Two classes with four photos each, twice as wide as high."""
    random = np.random.default_rng(0)
    for name in ("ant", "bee"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for number in range(4):
            pixels = random.integers(256, size=(40, 80, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "photos" / name / f"{number}.jpg")
    return tmp_path / "photos"


def left_half(path: Path) -> None:
    """A mask whose object is the left half of a photo."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.repeat(np.array([[255] * 40 + [0] * 40], np.uint8), 40, axis=0)).save(path)


def world_of(photos: Path, masks: str | None = None) -> Path:
    world = photos.parent / "world"
    skipped = Skipped()
    write_photo_world(world, photos, index_folder(photos, 0.25, 0.25, skipped), 32, BUDGET, skipped)
    write_own_masks(world, photos, masks, 32)
    return world


def given(world: Path) -> int:
    splits = (read_own_masks(world, split) for split in ("train", "validation", "test_images"))
    return sum(int(found["given"].sum()) for found in splits if found is not None)


def test_a_mask_beside_its_photo_is_cropped_as_the_photo_and_is_no_photo(
    photos: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("ant", "bee"):
        for number in range(4):
            left_half(photos / name / f"{number}_mask.png")
    with caplog.at_level(logging.WARNING):
        world = world_of(photos)
    assert "skipped: 8 masks" in caplog.text
    assert given(world) == 8
    found = read_own_masks(world, "train")
    assert found is not None
    assert found["masks"].shape == (4, 32, 32)
    assert np.all(found["masks"][:, :, :14] == 255)
    assert np.all(found["masks"][:, :, 18:] == 0)


def test_masks_of_some_photos_in_a_parallel_folder(photos: Path) -> None:
    left_half(photos.parent / "masks" / "bee" / "2.png")
    assert given(world_of(photos, str(photos.parent / "masks"))) == 1


def test_a_parallel_folder_that_is_not_there(photos: Path) -> None:
    with pytest.raises(UserError, match=r"nowhere: no such folder; imagenet\.folder\.masks"):
        world_of(photos, "nowhere")


def test_a_photo_elsewhere_is_not_its_own_mask(tmp_path: Path) -> None:
    """A table may name photos by absolute paths, or beside its folder."""
    (tmp_path / "masks").mkdir()
    (tmp_path / "a.png").touch()
    for path in (tmp_path / "a.png", Path("../a.png")):
        assert mask_of(tmp_path / "photos", tmp_path / "masks", path) is None
    (tmp_path / "a_mask.png").touch()
    assert mask_of(tmp_path / "photos", tmp_path / "masks", tmp_path / "a.png") == tmp_path / "a_mask.png"


def test_a_mask_of_the_photo_as_it_lies_in_the_file_is_refused(tmp_path: Path) -> None:
    """The photo is 40 x 80 as it is stored, and 80 x 40 upright; masks may be smaller."""
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (40, 80)).save(tmp_path / "a.jpg", exif=exif)
    Image.new("L", (40, 80)).save(tmp_path / "lying.png")
    Image.new("L", (41, 20), 255).save(tmp_path / "upright.png")
    assert read_mask(tmp_path / "upright.png", tmp_path / "a.jpg", 32).min() == 255
    with pytest.raises(UserError, match=r"lying\.png: 40 x 80 pixels, but its photo has 80 x 40, upright"):
        read_mask(tmp_path / "lying.png", tmp_path / "a.jpg", 32)
