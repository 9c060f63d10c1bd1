import numpy as np
import pytest

from cgn.metrics.stability import cause, dependence

CORRELATIONS = [0.9, 0.925, 0.95, 0.975, 1.0]


@pytest.mark.parametrize("quality", [40.0, 99.5])
def test_a_mere_cue_has_dependence_one_however_well_it_is_read(quality: float) -> None:
    accuracies = [10 + (quality - 10) * correlation for correlation in CORRELATIONS]
    assert dependence(accuracies, CORRELATIONS) == pytest.approx(1.0)
    # The same holds if no environment is fully biased.
    assert dependence(accuracies[:4], CORRELATIONS[:4]) == pytest.approx(1.0)
    # Random cues are one more environment, and any order will do.
    assert dependence([10.0, *accuracies[::-1]], [0.0, *CORRELATIONS[::-1]]) == pytest.approx(1.0)


def test_a_cause_has_dependence_zero() -> None:
    assert dependence([60.0] * 5, CORRELATIONS) == 0
    assert dependence([60.0, 60.5, 61.0, 60.2, 61.0], CORRELATIONS) == pytest.approx(1 / 51 / 0.1)


def test_who_reads_nothing_is_no_cause_although_stable() -> None:
    chance = 10 + np.random.default_rng(0).normal(0, 0.3, 5)
    assert dependence(list(chance), CORRELATIONS) is None
    assert cause({"shape": 0.1, "foreground": 1.0, "background": None}, 0.5) == "shape"


def test_the_verdict_needs_exactly_one_stable_signal() -> None:
    assert cause({"shape": 0.1, "foreground": 0.2, "background": 1.0}, 0.5) == "several"
    assert cause({"shape": 0.5, "foreground": 0.9, "background": None}, 0.5) == "none"


def test_an_accuracy_of_exactly_the_limit_is_read() -> None:
    assert dependence([20.0, 15.0], [1.0, 0.5]) == pytest.approx(1.0)
    assert dependence([19.9, 15.0], [1.0, 0.5]) is None
