"""The page of a study: means over seeds, and differences with their intervals."""

from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean, stdev
from typing import Any, NamedTuple

import pandas as pd

from cgn.report.names import METHOD_TITLES, VARIANT_TITLES
from cgn.report.tables import MINUS
from experiments.study_grids import Study

# Two-sided 95 % quantiles of Student's t with 1, 2, … degrees of freedom.
STUDENT = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262)


_OF_SEVERAL = ", and by what else is varied: first the mean over all of it, then each level of it:"


class Result(NamedTuple):
    """The accuracies (percent) of one method after one training, and the facts of its run."""

    variant: str
    method: str
    cell: tuple[str, ...]  # a level of each axis
    seed: int
    accuracy: float  # on test images
    held_out: float  # on validation digits with random cues, for recommendations
    run: Mapping[str, Any]


class Difference(NamedTuple):
    """The mean over seeds of differences, and half the width of its interval of 95 %."""

    mean: float
    half: float | None  # None with one seed
    seeds: int

    def text(self, decimals: int = 1) -> str:
        """The difference as text, which says whether 0 is outside of its interval."""
        mean = f"{self.mean:+.{decimals}f}".replace("-", MINUS)
        if self.half is None:
            return f"{mean} (one seed)"
        clear = "" if abs(self.mean) <= self.half else ", clear of 0"
        return f"{mean} ± {self.half:.{decimals}f}{clear}"


def over_seeds(values: Sequence[float]) -> Difference:
    """The mean of a difference's value of each seed, with Student's interval."""
    half = None
    if len(values) > 1:
        half = STUDENT[min(len(values) - 1, len(STUDENT)) - 1] * stdev(values) / len(values) ** 0.5
    return Difference(fmean(values), half, len(values))


def difference(results: Sequence[Result], axis: int, level: str, reference: str) -> Difference | None:
    """How much more accurate `level` of an axis is than `reference`, paired by seed and all other levels.

    The differences of a seed are averaged first, as its combinations share digits and generator; the interval
    is Student's over seeds. `results` are of one variant and method. None if no seed has both levels.
    """
    accuracies = {(result.seed, result.cell): result.accuracy for result in results}
    by_seed: dict[int, list[float]] = {}
    for (seed, cell), accuracy in accuracies.items():
        other = seed, (*cell[:axis], reference, *cell[axis + 1 :])
        if cell[axis] == level and other in accuracies:
            by_seed.setdefault(seed, []).append(accuracy - accuracies[other])
    return over_seeds([fmean(values) for values in by_seed.values()]) if by_seed else None


def distances(
    results: Sequence[Result], reference: str
) -> dict[tuple[str, str, tuple[str, ...]], Difference]:
    """By how much each method is less accurate than `reference`, by variant, method and combination."""
    of_reference = {
        (result.variant, result.cell, result.seed): result.accuracy
        for result in results
        if result.method == reference
    }
    values: dict[tuple[str, str, tuple[str, ...]], list[float]] = {}
    for result in results:
        place = (result.variant, result.cell, result.seed)
        if result.method != reference and place in of_reference:
            key = (result.variant, result.method, result.cell)
            values.setdefault(key, []).append(of_reference[place] - result.accuracy)
    return {key: over_seeds(found) for key, found in values.items()}


def recommended(results: Iterable[Result]) -> pd.DataFrame:
    """The mean held-out accuracy of each level of the first axis (rows), the highest mean first.

    A column is a variant and the levels of the other axes; `mean` is that of all columns. A level that lacks
    a column has no mean.
    """
    rows = pd.DataFrame(
        {"level": result.cell[0], "of": (result.variant, *result.cell[1:]), "held_out": result.held_out}
        for result in results
    )
    table = rows.pivot_table(index="level", columns="of", values="held_out", aggfunc="mean", sort=False)
    table["mean"] = table.mean(axis=1, skipna=False)
    return table.sort_values("mean", ascending=False, kind="stable", na_position="last")


def markdown(study: Study, command: str, results: Sequence[Result]) -> str:
    """The page of a study, which `command` makes."""
    runs = [result.run for result in results]
    commits = ", ".join(sorted({run["commit"] for run in runs}))
    profiles = ", ".join(sorted({run["profile"] for run in runs}))
    seeds = ", ".join(map(str, sorted({result.seed for result in results})))
    titles = [axis.title for axis in study.axes]
    legend = f" {study.legend}" if study.legend else ""
    parts = [
        f"# {study.question}",
        f"`{command}`, profile {profiles}, seeds {seeds}, commit {commits}. Accuracy in percent on test"
        f" images with random cues: mean ± standard deviation over seeds (their number).{legend}",
        _text(_means(titles, results)),
        "Differences in points to the first level, paired by seed, mean with its interval of 95 % (Student's,"
        f" over seeds){':' if len(titles) == 1 else _OF_SEVERAL}",
        _text(_differences(titles, results)),
    ]
    if study.reference:
        parts += [
            f"Points below {METHOD_TITLES[study.reference]}, paired by seed, with the same interval:",
            _text(_distances(titles, results, study.reference)),
        ]
    if study.recommends:
        parts += _recommendation(titles, results)
    return "\n\n".join(parts) + "\n"


def _text(table: pd.DataFrame) -> str:
    return table.to_markdown(index=False, disable_numparse=True)


def _means(titles: Sequence[str], results: Sequence[Result]) -> pd.DataFrame:
    groups: dict[tuple[str, str, tuple[str, ...]], list[float]] = {}
    for result in results:
        groups.setdefault((result.method, result.variant, result.cell), []).append(result.accuracy)
    columns = list(dict.fromkeys((method, variant) for method, variant, _ in groups))
    columns.sort(key=lambda column: list(METHOD_TITLES).index(column[0]))
    rows = []
    for cell in dict.fromkeys(result.cell for result in results):
        row = dict(zip(titles, cell, strict=True))
        for method, variant in columns:
            title = f"{VARIANT_TITLES[variant]}, {METHOD_TITLES[method]}"
            row[title] = mean_and_deviation(groups.get((method, variant, cell), []))
        rows.append(row)
    return pd.DataFrame(rows)


def mean_and_deviation(values: Sequence[float], decimals: int = 1, counted: bool = True) -> str:
    """The mean, the standard deviation and, if `counted`, the number of values; a dash if there are none."""
    if not values:
        return "–"
    deviation = f" ± {stdev(values):.{decimals}f}" if len(values) > 1 else ""
    mean = f"{round(fmean(values), decimals) + 0.0:.{decimals}f}".replace("-", MINUS)  # 0.0 has no sign
    return f"{mean}{deviation}" + (f" ({len(values)})" if counted else "")


def _differences(titles: Sequence[str], results: Sequence[Result]) -> pd.DataFrame:
    rows = []
    for (variant, method), own in _grouped(results).items():
        for axis, title in enumerate(titles):
            first, *others = dict.fromkeys(result.cell[axis] for result in own)
            for at, part in _at(titles, axis, own).items():
                for level in others:
                    found = difference(part, axis, level, first)
                    row = {"variant": VARIANT_TITLES[variant], "method": METHOD_TITLES[method]}
                    row |= {"compared": f"{title}: {level} against {first}", "at": at}
                    rows.append(row | {"points": "–" if found is None else found.text()})
    columns = ["variant", "method", "compared", *(["at"] if len(titles) > 1 else []), "points"]
    return pd.DataFrame(rows, columns=columns)


def _at(titles: Sequence[str], axis: int, results: Sequence[Result]) -> dict[str, list[Result]]:
    """All results, and those of each combination of the other axes' levels."""
    parts = {"all": [*results]}
    if len(titles) > 1:
        for result in results:
            others = (f"{titles[i]} {level}" for i, level in enumerate(result.cell) if i != axis)
            parts.setdefault(", ".join(others), []).append(result)
    return parts


def _distances(titles: Sequence[str], results: Sequence[Result], reference: str) -> pd.DataFrame:
    return pd.DataFrame(
        {"variant": VARIANT_TITLES[variant], "method": METHOD_TITLES[method]}
        | dict(zip(titles, cell, strict=True))
        | {"points below": found.text()}
        for (variant, method, cell), found in distances(results, reference).items()
    )


def _recommendation(titles: Sequence[str], results: Sequence[Result]) -> list[str]:
    table = recommended(results)
    best = table["mean"].dropna()
    told = (
        f"Recommended: {titles[0]} {best.index[0]}, which has the highest mean over the columns."
        if len(best)
        else "Nothing is recommended yet, because no row has all results."
    )
    shown = pd.DataFrame({titles[0]: list(table.index)})
    for column in table.columns:
        variant, *levels = [column] if isinstance(column, str) else column
        title = ", ".join([VARIANT_TITLES.get(variant, variant), *levels])
        shown[title] = ["–" if pd.isna(value) else f"{value:.1f}" for value in table[column]]
    return [
        f"{told} For this choice accuracies are those of validation digits with random cues (oracle"
        " selection), in percent, means over seeds; test images take no part:",
        _text(shown),
    ]


def _grouped(results: Sequence[Result]) -> dict[tuple[str, str], list[Result]]:
    groups: dict[tuple[str, str], list[Result]] = {}
    for result in results:
        groups.setdefault((result.variant, result.method), []).append(result)
    return groups
