"""Glyphs: distinct, in the font, and placed with exact masks wholly inside the picture."""

import itertools

import numpy as np
import pytest

from cgn.data.class_maps import IN9_CLASSES
from cgn.data.emoji.glyphs import (
    HELD_OUT_GLYPHS,
    LONGEST,
    OTHER_GLYPHS,
    TRAINING_GLYPHS,
    Pose,
    drawing,
    place,
)

ALL_GLYPHS = [glyph for glyphs in TRAINING_GLYPHS + HELD_OUT_GLYPHS + OTHER_GLYPHS for glyph in glyphs]
MIDDLE = Pose(size=0.6, angle=0.0, mirrored=False, x=0.5, y=0.5)


def test_every_class_has_glyphs_of_its_own_in_both_sets() -> None:
    assert len(TRAINING_GLYPHS) == len(HELD_OUT_GLYPHS) == len(OTHER_GLYPHS) == len(IN9_CLASSES)
    assert all(len(glyphs) >= 3 for glyphs in TRAINING_GLYPHS)
    assert all(len(glyphs) in {1, 2} for glyphs in HELD_OUT_GLYPHS)
    assert len(set(ALL_GLYPHS)) == len(ALL_GLYPHS)


def test_the_font_has_every_glyph() -> None:
    missing = drawing(0x10FFFF)  # never a character: the font's box for what it lacks
    shapes = {glyph: np.asarray(drawing(glyph).alpha).tobytes() for glyph in ALL_GLYPHS}
    assert np.asarray(missing.alpha).tobytes() not in shapes.values()
    assert len(set(shapes.values())) == len(ALL_GLYPHS)


@pytest.mark.parametrize("glyph", [0x1F40D, 0x1F98E, 0x1F3B8], ids=["snake", "lizard", "guitar"])
def test_the_mask_is_the_covered_area(glyph: int) -> None:
    """Area is the drawing's, scaled: no coverage is lost by turning, mirroring or averaging."""
    alpha = np.asarray(drawing(glyph).alpha, dtype=np.float64)
    height, width = alpha.shape
    for angle, mirrored in itertools.product((0.0, 0.3), (False, True)):
        mask, _ = place(glyph, Pose(0.3, angle, mirrored, 0.5, 0.5), resolution=48)
        share = alpha.mean() * 0.3**2  # the bounding box covers 0.3^2 of the picture
        assert mask.mean() == pytest.approx(share, rel=0.02), (width, height, angle)


@pytest.mark.parametrize("glyph", ALL_GLYPHS)
def test_objects_are_wholly_inside_wherever_they_stand(glyph: int) -> None:
    middle, _ = place(glyph, Pose(5.0, 0.35, False, 0.5, 0.5), resolution=32)
    for x, y in itertools.product((0, 1), repeat=2):
        mask, _ = place(glyph, Pose(5.0, 0.35, False, x, y), resolution=32)
        assert mask.mean() == pytest.approx(middle.mean(), rel=0.01)
    assert max(np.ptp(np.nonzero(middle.any(axis=axis))[0]) + 1 for axis in (0, 1)) <= 32 * LONGEST + 2


def test_mirroring_mirrors() -> None:
    mask, darkness = place(0x1F415, MIDDLE, resolution=48)
    mirrored, mirrored_darkness = place(0x1F415, MIDDLE._replace(mirrored=True), resolution=48)
    assert np.abs(mask.astype(int) - mirrored[:, ::-1]).max() <= 3
    inside = mask == 255
    np.testing.assert_allclose(darkness[inside], mirrored_darkness[:, ::-1][inside], atol=0.03)
    assert np.abs(mask.astype(int) - mirrored).max() > 200


def test_positive_angles_turn_clockwise() -> None:
    """A long horizontal body (the lizard, head left) turned clockwise has its tail, at the right, lower."""
    mask, _ = place(0x1F98E, MIDDLE._replace(angle=0.35), resolution=48)
    rows, columns = np.nonzero(mask > 127)
    left, right = rows[columns < 16].mean(), rows[columns > 32].mean()
    assert right > left + 4


def test_darkness_is_the_drawings_lines() -> None:
    """The swan is white with black lines: darkness is near 0 or 1, and 0 where there is no object."""
    mask, darkness = place(0x1F9A2, MIDDLE._replace(size=0.85), resolution=64)
    assert darkness.min() >= 0
    assert darkness.max() == 1
    assert darkness[mask == 0].max() == 0
    inside = darkness[mask == 255]
    assert np.mean((inside < 0.05) | (inside > 0.9)) > 0.5
    assert 0.1 < np.mean(inside > 0.9) < 0.5
