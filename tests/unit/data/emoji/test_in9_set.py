"""The IN-9 set: variants that are exact by definition, in folders that the scorer reads."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from cgn.data.class_maps import IN9_VARIANTS
from cgn.data.composites import bounding_box, tiled
from cgn.data.emoji.in9_and_cue_conflict import in9_images, write_in9_set
from cgn.data.emoji.world import draw_scenery
from cgn.evaluation.background_gap import find_variants
from cgn.io.image_folders import Skipped

Variants = dict[str, NDArray[np.int16]]
RESOLUTION = 32
RIM = 4  # grey values
INDICES = [9 * number + label for number in range(2) for label in range(9)]


def variants_of(index: int) -> Variants:
    images = in9_images(index % 9, index, resolution=RESOLUTION, seed=0)
    return {variant: image.astype(np.int16) for variant, image in images}


@pytest.fixture(scope="module", params=INDICES)
def variants(request: pytest.FixtureRequest) -> tuple[int, Variants]:
    return request.param, variants_of(request.param)


def outside_and_inside(images: Variants) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Pixels outside and inside of the object, found without its mask.

    A rim that changes a dark background by less than half a grey value is not seen: comparisons allow for it.
    """
    differs = (images["original"] != images["no_fg"]).any(axis=-1)
    return (images["only_fg"] == 0).all(axis=-1) & ~differs, (images["no_fg"] == 0).all(axis=-1) & differs


def test_foreground_and_background_add_up(variants: tuple[int, Variants]) -> None:
    _, images = variants
    assert np.abs(images["only_fg"] + images["no_fg"] - images["original"]).max() <= 1


def test_the_object_is_the_same_in_every_variant(variants: tuple[int, Variants]) -> None:
    _, images = variants
    _, inside = outside_and_inside(images)
    assert inside.sum() > 10
    for variant in ("original", "mixed_same", "mixed_rand", "mixed_next"):
        assert np.abs(images[variant] - images["only_fg"])[inside].max() <= RIM


def test_with_random_surfaces_backgrounds_and_shapes_stay() -> None:
    """What shows the object changes on most objects, and nothing else does."""
    changed = 0
    for index in INDICES:
        own = variants_of(index)
        images = in9_images(index % 9, index, resolution=RESOLUTION, seed=0, random_surface=True)
        other = {variant: image.astype(np.int16) for variant, image in images}
        for variant in ("no_fg", "only_bg_b"):
            np.testing.assert_array_equal(other[variant], own[variant])
        outside, inside = outside_and_inside(own)
        assert np.abs(other["mixed_rand"] - own["mixed_rand"])[outside].max() <= 1  # a rim
        changed += int(np.abs(other["only_fg"] - own["only_fg"])[inside].max() > RIM)
    assert len(INDICES) * 0.6 < changed < len(INDICES)


def test_backgrounds_are_of_the_classes_that_the_variant_says(variants: tuple[int, Variants]) -> None:
    index, images = variants
    outside, _ = outside_and_inside(images)
    families = {"original": index % 9, "mixed_same": index % 9, "mixed_next": (index + 1) % 9}
    for variant, family in families.items():
        expected = draw_scenery(0, f"in9/{variant}", index, family, RESOLUTION)
        assert np.abs(images[variant] - expected)[outside].max() <= RIM
    assert (images["original"][outside] != images["mixed_same"][outside]).any()


def test_random_backgrounds_are_of_all_classes() -> None:
    """The family of each is the one whose picture it is; nine are possible, the own among them."""
    found = []
    for index in range(0, 270, 9):  # thirty dogs
        images = variants_of(index)
        outside, _ = outside_and_inside(images)
        for family in range(9):
            candidate = draw_scenery(0, "in9/mixed_rand", index, family, RESOLUTION)
            if np.abs(images["mixed_rand"] - candidate)[outside].max() <= RIM:
                found.append(family)
    assert len(found) == 30
    assert len(set(found)) >= 7


def test_boxes_hide_the_object_and_nothing_else(variants: tuple[int, Variants]) -> None:
    _, images = variants
    black, own = images["only_bg_b"], images["original"]
    changed = (black != own).any(axis=-1)
    rows, columns = bounding_box(changed.astype(np.uint8))
    assert (black[rows, columns] == 0).all()
    outside, _ = outside_and_inside(images)
    assert outside[~changed | (own == 0).all(axis=-1)].all()  # what is left shows no object
    tiles = images["only_bg_t"]
    np.testing.assert_array_equal(tiles[~changed], own[~changed])
    # Every filled pixel comes from the free part of the image.
    free = {tuple(pixel) for pixel in own[outside]}
    assert {tuple(pixel) for pixel in tiles[rows, columns].reshape(-1, 3)} <= free


def test_tiles_repeat_the_largest_free_strip() -> None:
    image = np.arange(6 * 6 * 3, dtype=np.uint8).reshape(6, 6, 3)
    filled = tiled(image, (slice(1, 5), slice(1, 4)))  # free: one column left, two right, a row on each side
    np.testing.assert_array_equal(filled, np.tile(image[:, 4:], (1, 3, 1)))
    filled = tiled(image, (slice(4, 6), slice(0, 6)))
    np.testing.assert_array_equal(filled, np.concatenate([image[:4], image[:2]]))


def test_a_bounding_box_holds_all_of_the_object() -> None:
    mask = np.zeros((8, 8), dtype=np.uint8)
    mask[2, 3], mask[5, 6] = 1, 255
    assert bounding_box(mask) == (slice(2, 6), slice(3, 7))


def test_the_scorer_finds_every_image(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_in9_set(tmp_path / "in9", images_per_class=2, resolution=RESOLUTION, seed=0)
    found = find_variants(tmp_path / "in9", Skipped())
    assert caplog.text == ""  # nothing is missing
    assert found.keys() == set(IN9_VARIANTS)
    for files in found.values():
        assert [entry.label for entry in files] == [label for label in range(9) for _ in range(2)]
    vehicle = tmp_path / "in9" / "original" / "val" / "02_wheeled vehicle" / "0001.png"
    np.testing.assert_array_equal(np.asarray(Image.open(vehicle)), variants_of(9 + 2)["original"])


def test_a_small_set_is_the_beginning_of_a_large_one(tmp_path: Path) -> None:
    for count in (1, 2):
        write_in9_set(tmp_path / str(count), images_per_class=count, resolution=RESOLUTION, seed=0)
    small = sorted(path.relative_to(tmp_path / "1") for path in (tmp_path / "1").rglob("*.png"))
    assert len(small) == 8 * 9
    for path in small:
        assert (tmp_path / "1" / path).read_bytes() == (tmp_path / "2" / path).read_bytes()
