"""Surfaces and backgrounds: a family is told by its looks, and no two draws of it are alike."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from cgn.data.class_maps import IN9_CLASSES
from cgn.data.emoji.backgrounds import BACKGROUNDS, draw_background
from cgn.data.emoji.fields import to_bytes
from cgn.data.emoji.surfaces import SURFACES, draw_surface
from cgn.seeding import generator

Draw = Callable[[int, np.random.Generator, int], NDArray[np.uint8]]
COUNT = 20


def draw_surface_bytes(family: int, random: np.random.Generator, resolution: int) -> NDArray[np.uint8]:
    return to_bytes(draw_surface(family, random, resolution))


KINDS = pytest.mark.parametrize(
    "draw", [draw_surface_bytes, draw_background], ids=["surfaces", "backgrounds"]
)


def pictures(draw: Draw, name: str, resolution: int = 32) -> NDArray[np.uint8]:
    """(9, COUNT, resolution, resolution, 3)"""
    return np.stack(
        [[draw(family, generator(0, name, i), resolution) for i in range(COUNT)] for family in range(9)]
    )


def histograms(images: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Share of each of 6x6x6 colours, (n, 216)."""
    bins = images.astype(np.int64) // 43 @ np.array([36, 6, 1])
    return np.stack([np.bincount(image.ravel(), minlength=216) / image.size for image in bins])


def test_there_is_one_family_a_class() -> None:
    assert len(set(SURFACES)) == len(set(BACKGROUNDS)) == len(IN9_CLASSES)


@KINDS
@pytest.mark.parametrize("resolution", [32, 48])
def test_pictures_follow_from_their_random_numbers(draw: Draw, resolution: int) -> None:
    for family in range(9):
        picture = draw(family, generator(3, "a"), resolution)
        assert picture.shape == (resolution, resolution, 3)
        assert picture.dtype == np.uint8
        np.testing.assert_array_equal(picture, draw(family, generator(3, "a"), resolution))


@KINDS
def test_the_family_is_told_by_its_colours(draw: Draw) -> None:
    """Nearest family by colour histogram: the shortcut is really there."""
    known, new = pictures(draw, "known"), pictures(draw, "new")
    means = np.stack([histograms(family).mean(axis=0) for family in known])
    for family in range(9):
        distances = np.abs(histograms(new[family])[:, None] - means).sum(axis=2)
        assert np.mean(distances.argmin(axis=1) == family) >= 0.85, family


@KINDS
def test_two_draws_of_a_family_look_different(draw: Draw) -> None:
    for family in pictures(draw, "known").astype(np.int16):
        differences = np.abs(family[1:] - family[:-1]).mean(axis=(1, 2, 3))
        assert differences.min() > 6


@KINDS
def test_a_picture_is_the_same_at_every_resolution(draw: Draw) -> None:
    """Lengths are in widths of the picture: 64 pixels show what 32 show, finer."""
    for family in range(9):
        small = draw(family, generator(1, "b"), 32).astype(np.float64)
        large = draw(family, generator(1, "b"), 64).astype(np.float64)
        halved = large.reshape(32, 2, 32, 2, 3).mean(axis=(1, 3))
        assert np.abs(halved - small).mean() < 6, family
