from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from cgn.data.emoji.cue_sources import TRAINING_SETS, cue_sources, on_backgrounds_of_others
from cgn.data.emoji.surfaces import draw_surface
from cgn.data.emoji.world import DEPTH, render
from cgn.data.sources import Images, Source
from cgn.seeding import generator

Arrays = dict[str, NDArray[Any]]
COUNT = 30


def sources_of(arrays: Arrays) -> dict[str, Source]:
    return cue_sources(Images(arrays["images"], arrays["labels"]), arrays, batch=COUNT, seed=0)


@pytest.fixture(scope="module")
def world() -> Arrays:
    return render(
        "train",
        0,
        COUNT,
        resolution=32,
        background_correlation=1.0,
        surface_correlation=1.0,
        seed=0,
        other_styles=True,
    )


def test_objects_stay_and_backgrounds_move(world: Arrays) -> None:
    moved = on_backgrounds_of_others(world["images"], world, 0, "test")
    inside, outside = world["masks"] == 255, world["masks"] == 0
    assert np.array_equal(moved[inside], world["images"][inside])
    # Every image stands before exactly one background of the set, and each serves once.

    def owner(index: int) -> int:
        part = outside[index]
        shown, scenes = moved[index][part], world["backgrounds"]
        return next(number for number in range(COUNT) if np.array_equal(shown, scenes[number][part]))

    owners = [owner(index) for index in range(COUNT)]
    assert sorted(owners) == list(range(COUNT))
    assert owners != list(range(COUNT))
    assert not np.array_equal(moved, on_backgrounds_of_others(world["images"], world, 0, "another"))


def test_repainted_objects_keep_pose_and_background(world: Arrays) -> None:
    outside, inside = world["masks"] == 0, world["masks"] == 255
    assert np.array_equal(world["repainted"][outside], world["images"][outside])
    assert not np.array_equal(world["repainted"][inside], world["images"][inside])


def test_a_restyled_image_has_the_colors_of_one_surface(world: Arrays) -> None:
    """Of the object and of what is behind it, darkened where the background is dark."""
    other = render(
        "train", 0, COUNT, resolution=32, background_correlation=1.0, surface_correlation=0.0, seed=0
    )
    for row, image in enumerate(world["restyled"]):
        style = draw_surface(
            int(other["surface_labels"][row]), generator(0, "emoji", "train", "style", row), 32
        )
        shade = image.astype(np.float64) / 255 / np.maximum(style, 1e-3)
        bright = style.min(axis=-1) > 0.3  # elsewhere a byte is too coarse
        np.testing.assert_allclose(shade.max(axis=-1)[bright], shade.min(axis=-1)[bright], atol=0.03)
        behind = bright & (world["masks"][row] == 0)
        darkness = 1 - world["backgrounds"][row].mean(axis=-1) / 255
        np.testing.assert_allclose(shade.mean(axis=-1)[behind], (1 - DEPTH * darkness)[behind], atol=0.02)


def test_every_method_sees_its_images(world: Arrays) -> None:
    sources = sources_of(world)
    assert tuple(sources) == TRAINING_SETS
    seen = {}
    for method, source in sources.items():
        (batch,) = source.minibatches(0)
        assert batch.images.shape == (COUNT, 32, 32, 3)
        seen[method] = {image.tobytes() for image in batch.images.numpy()}
        (again,) = sources_of(world)[method].minibatches(0)
        assert np.array_equal(batch.images.numpy(), again.images.numpy())
    plain = {image.tobytes() for image in world["images"]}
    restyled = {image.tobytes() for image in world["restyled"]}
    repainted = {image.tobytes() for image in world["repainted"]}
    assert seen["in"] == plain
    assert seen["sin"] == restyled
    assert seen["in_sin"] <= plain | restyled
    assert 0 < len(seen["in_sin"] & plain) < COUNT
    # A permutation may leave an image where it was, but not many.
    assert len(seen["mixed_rand"] & plain) < COUNT / 3
    assert len(seen["oracle"] & (plain | repainted)) < COUNT / 3


def test_without_masks_there_is_the_plain_one_alone(world: Arrays) -> None:
    photos = {name: world[name] for name in ("images", "labels")}
    sources = sources_of(photos)
    assert tuple(sources) == ("in",)
    (batch,) = sources["in"].minibatches(0)
    (same,) = sources_of(world)["in"].minibatches(0)
    assert np.array_equal(batch.images.numpy(), same.images.numpy())
