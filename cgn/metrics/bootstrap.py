"""Percentile bootstrap intervals (Efron and Tibshirani 1993, chapter 13) of statistics of means."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 2000
COVERAGE = 0.95
_AT_ONCE = 100  # resamples, so that memory stays small

Statistic = Callable[[NDArray[np.float64]], NDArray[np.float64]]


class Interval(NamedTuple):
    """A value and its interval of 95 %; `None` if the value is undefined, as a ratio of nothing."""

    value: float | None
    low: float | None
    high: float | None


def bootstrap(
    samples: Sequence[NDArray[np.floating]], statistic: Statistic, random: np.random.Generator
) -> Interval:
    """The interval of a statistic of column means.

    Each of `samples` is (items, columns) with at least one item. Its items are drawn again, with replacement
    and with all of their columns, so measurements of one item stay together. Samples are drawn independently.
    `statistic` maps the means (..., columns of all samples) to (...,). A draw where it is NaN does not count.
    """
    means = np.concatenate([rows.mean(axis=0) for rows in samples])
    value = float(statistic(means))
    if np.isnan(value):
        return Interval(None, None, None)
    drawn = statistic(np.concatenate([_means(rows, random) for rows in samples], axis=1))
    tail = 100 * (1 - COVERAGE) / 2
    low, high = np.nanpercentile(drawn, [tail, 100 - tail])
    return Interval(value, float(low), float(high))


def _means(rows: NDArray[np.floating], random: np.random.Generator) -> NDArray[np.float64]:
    """The column means (RESAMPLES, columns) of resampled rows."""
    count = len(rows)
    share = np.full(count, 1 / count)
    parts = [random.multinomial(count, share, size=_AT_ONCE) @ rows for _ in range(RESAMPLES // _AT_ONCE)]
    return np.concatenate(parts) / count
