"""Colours of double-colored MNIST that walk, as in the paper's released code."""

import numpy as np
import pytest
from numpy.typing import NDArray

from cgn.data.mnist.variants import Cues, draw_cues, synthesize
from tests.unit.data.mnist.test_variants import DOUBLE, digits_like, fixed


def backgrounds(count: int, color_noise: str, deviation: float = 0.01) -> NDArray[np.float64]:
    """The noise of the backgrounds of images without a digit, in [0, 1] around a mid grey: (count, 3)."""
    grey = DOUBLE.model_copy(
        update={"colors": [(128, 128, 128)] * 10, "standard_deviation": deviation, "color_noise": color_noise}
    )
    cues = draw_cues(np.zeros(count, dtype=np.uint8), 0.0, fixed(3))
    blank = np.zeros((count, 28, 28), dtype=np.uint8)
    images = synthesize("double_colored_mnist", blank, cues, grey, None, fixed(4))
    return images[:, 0, 0] / 255 - 128 / 255


def test_walking_colors_spread_as_in_the_released_code() -> None:
    """Eight workers draw 625 training colours of a class each, five 200 for the test: 0.01 sqrt(n / 2)."""
    assert backgrounds(50_000, "walking").std() == pytest.approx(0.18, abs=0.02)
    assert backgrounds(10_000, "walking").std() == pytest.approx(0.10, abs=0.015)
    assert backgrounds(10_000, "independent").std() == pytest.approx(0.01, abs=0.001)


def test_a_walk_goes_on_from_the_last_color_of_its_class_and_worker() -> None:
    noise = backgrounds(6000, "walking")
    classes = draw_cues(np.zeros(6000, dtype=np.uint8), 0.0, fixed(3)).background
    for start in (0, 2000, 4000):  # a worker each
        for digit in range(10):
            walk = noise[start : start + 2000][classes[start : start + 2000] == digit]
            steps = np.diff(walk, axis=0, prepend=0)
            assert steps.std() == pytest.approx(0.01, abs=0.002)  # each step is one draw
            assert np.abs(steps).max() < 0.06  # no jump to another walk
    between = np.diff(noise, axis=0)
    assert between.std() > 0.05


def test_walking_colors_show_digits_on_their_own_color() -> None:
    hidden = {}
    for color_noise in ("independent", "walking"):
        params = DOUBLE.model_copy(
            update={"foreground_shift": 0, "standard_deviation": 0.01, "color_noise": color_noise}
        )
        cue = fixed(5).integers(10, size=20_000, dtype=np.uint8)
        both = synthesize("double_colored_mnist", digits_like(20_000), Cues(cue, cue), params, None, fixed(6))
        apart = np.ptp(both.reshape(len(both), -1, 3).astype(int), axis=1).max(axis=1)
        hidden[color_noise] = float((apart < 8).mean())
    assert hidden["independent"] > 0.8
    assert hidden["walking"] < 0.1
