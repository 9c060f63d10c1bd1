import numpy as np
import pytest

from cgn.metrics.inception_score import inception_score


def test_the_bounds() -> None:
    sure = np.eye(5)[np.arange(100) % 5]
    assert inception_score(sure, splits=2) == pytest.approx(5)
    unsure = np.full((100, 5), 0.2)
    assert inception_score(unsure, splits=2) == pytest.approx(1)
    one_class = np.eye(5)[np.zeros(100, int)]
    assert inception_score(one_class, splits=2) == pytest.approx(1)


def test_against_a_derivation() -> None:
    """Two images (p, 1-p) and (1-p, p): the marginal is 1/2, so KL = p log 2p + (1-p) log 2(1-p)."""
    p = 0.9
    expected = np.exp(p * np.log(2 * p) + (1 - p) * np.log(2 * (1 - p)))
    assert inception_score(np.array([[p, 1 - p], [1 - p, p]]), splits=1) == pytest.approx(expected)


def test_splits_are_scored_apart() -> None:
    halves = np.repeat(np.eye(2), 50, axis=0)  # each half has one class alone
    assert inception_score(halves, splits=1) == pytest.approx(2)
    assert inception_score(halves, splits=2) == pytest.approx(1)
    assert inception_score(np.concatenate([halves, halves[:1]]), splits=2) == pytest.approx(1)
    with pytest.raises(ValueError, match="3 images cannot be cut into 4 splits"):
        inception_score(halves[:3], splits=4)


def test_the_score_is_the_mean_of_the_splits_scores() -> None:
    one_class, both = np.eye(2)[[0, 0]], np.eye(2)
    assert inception_score(np.concatenate([one_class, both]), splits=2) == pytest.approx((1 + 2) / 2)
