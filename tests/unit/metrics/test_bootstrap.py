"""Bootstrap intervals: against the normal approximation, and what stays together when items are drawn."""

import numpy as np
import pytest
from numpy.typing import NDArray

from cgn.metrics.bootstrap import bootstrap
from cgn.seeding import generator


def percent(means: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(100 * means[..., 0])


def difference(means: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(means[..., 0] - means[..., 1])


def test_the_interval_of_a_share_is_close_to_the_normal_one() -> None:
    rows = np.repeat([1.0, 0.0], [300, 700])[:, None]
    value, low, high = bootstrap([rows], percent, generator(0, "a"))
    half = 1.96 * 100 * np.sqrt(0.3 * 0.7 / 1000)
    assert value == 30
    assert low == pytest.approx(30 - half, abs=0.3)
    assert high == pytest.approx(30 + half, abs=0.3)


def test_columns_of_an_item_stay_together_and_samples_do_not() -> None:
    column = np.repeat([1.0, 0.0], 50)[:, None]
    paired = bootstrap([np.hstack([column, column])], difference, generator(0, "a"))
    apart = bootstrap([column, column], difference, generator(0, "a"))
    assert paired == (0, 0, 0)
    assert apart.low is not None
    assert apart.low < -0.1
    assert apart.high is not None
    assert apart.high > 0.1


def test_an_undefined_value_has_no_interval_and_undefined_draws_do_not_count() -> None:
    def ratio(means: NDArray[np.float64]) -> NDArray[np.float64]:
        with np.errstate(invalid="ignore"):
            return np.asarray(means[..., 0] / means.sum(axis=-1))

    assert bootstrap([np.zeros((5, 2))], ratio, generator(0, "a")) == (None, None, None)
    rare = np.zeros((3, 2))
    rare[0, 0] = 1  # in 30 % of the draws it is not there, and the ratio is undefined
    assert bootstrap([rare], ratio, generator(0, "a")) == (1, 1, 1)


def test_the_same_seed_gives_the_same_interval() -> None:
    rows = generator(1, "rows").random((40, 1))
    first, same, other = (bootstrap([rows], percent, generator(0, name)) for name in ("a", "a", "b"))
    assert first == same
    assert first != other


def test_the_ends_are_percentiles_of_resampled_means() -> None:
    rows = generator(1, "rows").random((40, 1))
    random, share = generator(0, "a"), np.full(40, 1 / 40)
    means = np.concatenate([random.multinomial(40, share, size=100) @ rows / 40 for _ in range(20)])
    _, low, high = bootstrap([rows], percent, generator(0, "a"))
    assert (low, high) == pytest.approx(tuple(np.percentile(100 * means, [2.5, 97.5])))
