"""The world's process: exact composition, shortcuts as strong as asked, images that depend on no other."""

import hashlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from cgn.data.composites import compose_bytes
from cgn.data.emoji.glyphs import HELD_OUT_GLYPHS, OTHER_GLYPHS, TRAINING_GLYPHS
from cgn.data.emoji.world import SPLITS, Split, draw_labels, draw_scenery, render

RESOLUTION = 32


def draw(
    split: Split = "train",
    start: int = 0,
    stop: int = 12,
    background_correlation: float = 0.95,
    surface_correlation: float = 0.95,
    seed: int = 0,
) -> dict[str, NDArray[Any]]:
    return render(
        split,
        start,
        stop,
        resolution=RESOLUTION,
        background_correlation=background_correlation,
        surface_correlation=surface_correlation,
        seed=seed,
    )


@pytest.fixture(scope="module")
def world() -> dict[str, NDArray[Any]]:
    return draw(stop=60)


def test_arrays_have_the_promised_form(world: dict[str, NDArray[Any]]) -> None:
    picture, line = (60, RESOLUTION, RESOLUTION, 3), (60,)
    assert {name: (array.shape, array.dtype.name) for name, array in world.items()} == {
        "images": (picture, "uint8"),
        "masks": (picture[:3], "uint8"),
        "backgrounds": (picture, "uint8"),
        "labels": (line, "int64"),
        "glyphs": (line, "int64"),
        "surface_labels": (line, "int64"),
        "background_labels": (line, "int64"),
    }


def test_any_range_gives_the_same_images(world: dict[str, NDArray[Any]]) -> None:
    for start, stop in ((0, 1), (17, 25), (59, 60)):
        for name, array in draw(start=start, stop=stop).items():
            np.testing.assert_array_equal(array, world[name][start:stop])


def test_another_process_gives_the_same_bytes(world: dict[str, NDArray[Any]], root: Path) -> None:
    script = (
        "import hashlib; from cgn.data.emoji.world import render; "
        "arrays = render('train', 0, 60, resolution=32, background_correlation=0.95, "
        "surface_correlation=0.95, seed=0); "
        "print(hashlib.md5(b''.join(array.tobytes() for array in arrays.values())).hexdigest())"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=root, capture_output=True, text=True, check=True
    )
    here = hashlib.md5(b"".join(array.tobytes() for array in world.values())).hexdigest()
    assert done.stdout.strip() == here


def test_seeds_and_splits_differ() -> None:
    drawn = [draw(split)["masks"] for split in SPLITS] + [draw(seed=1)["masks"]]
    assert len({masks.tobytes() for masks in drawn}) == len(drawn)


def test_images_are_composed_by_the_mask(world: dict[str, NDArray[Any]]) -> None:
    images, masks, backgrounds = world["images"], world["masks"], world["backgrounds"]
    np.testing.assert_array_equal(images[masks == 0], backgrounds[masks == 0])
    # The background does not shine through the object: another one leaves those pixels as they are.
    others = draw(stop=60, background_correlation=0.0)["images"]
    moved = (others != images).any(axis=-1)
    assert moved[masks == 0].mean() > 0.5
    assert not moved[masks == 255].any()


def test_every_image_shows_an_object(world: dict[str, NDArray[Any]]) -> None:
    covered = world["masks"].mean(axis=(1, 2)) / 255
    assert covered.min() > 0.05
    assert covered.max() < 0.5
    assert ((world["masks"] == 255).sum(axis=(1, 2)) > 10).all()


def test_cues_never_move_the_object(world: dict[str, NDArray[Any]]) -> None:
    oracle = draw(stop=60, background_correlation=0.0, surface_correlation=0.0)
    for name in ("masks", "labels", "glyphs"):
        np.testing.assert_array_equal(oracle[name], world[name])
    assert (oracle["images"] != world["images"]).any(axis=(1, 2, 3)).mean() > 0.8


@pytest.mark.parametrize(("background", "surface"), [(0.95, 0.5), (0.0, 1.0)])
def test_shortcuts_are_as_strong_as_asked(background: float, surface: float) -> None:
    count = 20_000
    draws = draw_labels(
        "train", 0, count, background_correlation=background, surface_correlation=surface, seed=0
    )
    assert np.bincount(draws.labels, minlength=9) / count == pytest.approx(1 / 9, abs=0.01)
    for cue, correlation in ((draws.background_labels, background), (draws.surface_labels, surface)):
        own = correlation + (1 - correlation) / 9
        assert np.mean(cue == draws.labels) == pytest.approx(own, abs=0.012)
        if correlation < 1:
            shift = (cue - draws.labels)[cue != draws.labels] % 9
            assert np.bincount(shift, minlength=9)[1:] / len(shift) == pytest.approx(1 / 8, abs=0.04)


def test_each_split_shows_its_glyphs() -> None:
    for split in SPLITS:
        draws = draw_labels(split, 0, 2000, background_correlation=0.5, surface_correlation=0.5, seed=0)
        expected = {"test_glyphs": HELD_OUT_GLYPHS, "other_glyphs": OTHER_GLYPHS}.get(split, TRAINING_GLYPHS)
        for label in range(9):
            assert set(draws.glyphs[draws.labels == label].tolist()) == set(expected[label])


def test_the_background_is_of_the_family_that_its_label_says() -> None:
    arrays = draw(stop=9, background_correlation=0.0)
    for index, family in enumerate(arrays["background_labels"]):
        np.testing.assert_array_equal(
            arrays["backgrounds"][index], draw_scenery(0, "train", index, int(family), RESOLUTION)
        )


def test_compose_rounds_to_the_nearest() -> None:
    mask = np.array([[0, 1, 128, 254, 255]], dtype=np.uint8)
    foreground = np.full((1, 5, 3), (255, 10, 0), dtype=np.uint8)
    background = np.full((1, 5, 3), (0, 200, 77), dtype=np.uint8)
    share = mask[..., None] / 255
    expected = np.rint(share * foreground + (1 - share) * background)
    np.testing.assert_array_equal(compose_bytes(mask, foreground, background), expected)
