"""The table and the chart of a study: means over seeds, and differences with their intervals."""

from collections.abc import Mapping, Sequence
from statistics import fmean, stdev
from typing import Any, NamedTuple

import pandas as pd
from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from cgn.report.chart_style import STYLE, svg
from cgn.report.names import VARIANT_TITLES

# Two-sided 95 % quantiles of Student's t with 1, 2, … degrees of freedom.
STUDENT = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262)
_STYLES = (
    ("#c1272d", "-", "o"),
    ("#2474b5", (0, (5, 1.5)), "s"),
    ("#8a8a8a", (0, (1, 1)), "^"),
    ("#ddaa33", (0, (5, 1.5, 1, 1.5)), "D"),
)


class Result(NamedTuple):
    """The test accuracy (percent) of one method after one training, and the facts of its run."""

    variant: str
    method: str
    cell: tuple[str, ...]  # a level of each axis
    seed: int
    accuracy: float
    run: Mapping[str, Any]


class Difference(NamedTuple):
    """The mean over seeds of differences in points, and half the width of its interval of 95 %."""

    mean: float
    half: float | None  # None with one seed
    seeds: int

    def __str__(self) -> str:
        if self.half is None:
            return f"{self.mean:+.1f} (one seed)"
        clear = "" if abs(self.mean) <= self.half else ", clear of 0"
        return f"{self.mean:+.1f} ± {self.half:.1f}{clear}"


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
    if not by_seed:
        return None
    means = [fmean(values) for values in by_seed.values()]
    half = None
    if len(means) > 1:
        half = STUDENT[min(len(means) - 1, len(STUDENT)) - 1] * stdev(means) / len(means) ** 0.5
    return Difference(fmean(means), half, len(means))


def markdown(
    question: str, command: str, titles: Sequence[str], results: Sequence[Result], methods: Mapping[str, str]
) -> str:
    """The page of a study; `titles` are those of its axes, `methods` have titles by name."""
    runs = [result.run for result in results]
    commits = ", ".join(sorted({run["commit"] for run in runs}))
    profiles = ", ".join(sorted({run["profile"] for run in runs}))
    seeds = ", ".join(map(str, sorted({result.seed for result in results})))
    return (
        f"# {question}\n\n`{command}`, profile {profiles}, seeds {seeds}, commit {commits}. Accuracy in"
        " percent on test images with random cues: mean ± standard deviation over seeds (their number).\n\n"
        f"{_means(titles, results, methods).to_markdown(index=False, disable_numparse=True)}\n\n"
        "Differences in points to the first level, paired by seed and by what else is varied, mean with its"
        " interval of 95 % (Student's, over seeds):\n\n"
        f"{_differences(titles, results, methods).to_markdown(index=False, disable_numparse=True)}\n"
    )


def _means(titles: Sequence[str], results: Sequence[Result], methods: Mapping[str, str]) -> pd.DataFrame:
    columns = {
        (method, variant): f"{VARIANT_TITLES[variant]}, {methods[method]}"
        for method in dict.fromkeys(result.method for result in results)
        for variant in dict.fromkeys(result.variant for result in results)
    }
    rows = []
    for cell in dict.fromkeys(result.cell for result in results):
        row = dict(zip(titles, cell, strict=True))
        for (method, variant), title in columns.items():
            found = [
                result.accuracy
                for result in results
                if (result.method, result.variant, result.cell) == (method, variant, cell)
            ]
            row[title] = _mean_and_deviation(found)
        rows.append(row)
    return pd.DataFrame(rows)


def _mean_and_deviation(values: Sequence[float]) -> str:
    if not values:
        return "–"
    deviation = f" ± {stdev(values):.1f}" if len(values) > 1 else ""
    return f"{fmean(values):.1f}{deviation} ({len(values)})"


def _differences(
    titles: Sequence[str], results: Sequence[Result], methods: Mapping[str, str]
) -> pd.DataFrame:
    rows = []
    for (variant, method), own in _grouped(results).items():
        for axis, title in enumerate(titles):
            first, *others = dict.fromkeys(result.cell[axis] for result in own)
            for level in others:
                found = difference(own, axis, level, first)
                row = {"variant": VARIANT_TITLES[variant], "method": methods[method]}
                compared = f"{title}: {level} against {first}"
                rows.append(row | {"compared": compared, "points": "–" if found is None else str(found)})
    return pd.DataFrame(rows, columns=["variant", "method", "compared", "points"])


def _grouped(results: Sequence[Result]) -> dict[tuple[str, str], list[Result]]:
    groups: dict[tuple[str, str], list[Result]] = {}
    for result in results:
        groups.setdefault((result.variant, result.method), []).append(result)
    return groups


def chart(titles: Sequence[str], results: Sequence[Result], methods: Mapping[str, str]) -> str:
    """Means with standard deviations over the first axis, lines for the second, as SVG text.

    A row of panels for each method, a column for each variant.
    """
    groups = _grouped(results)
    variants = list(dict.fromkeys(variant for variant, _ in groups))
    names = list(dict.fromkeys(method for _, method in groups))
    levels = list(dict.fromkeys(result.cell[0] for result in results))
    lines = list(dict.fromkeys(result.cell[1:] for result in results))
    with rc_context(STYLE):
        size = 3.5 * len(variants) + 1.2, 3.1 * len(names) + 0.5
        figure = Figure(figsize=size, layout="constrained")
        axes: Any = figure.subplots(len(names), len(variants), squeeze=False, sharey="row")
        for row, column in ((row, column) for row in range(len(names)) for column in range(len(variants))):
            axis = axes[row][column]
            own = groups.get((variants[column], names[row]), [])
            _draw(axis, own, levels, lines)
            axis.set_title(f"{VARIANT_TITLES[variants[column]]}, {methods[names[row]]}")
            axis.set_xlabel(titles[0])
            if column == 0:
                axis.set_ylabel("test accuracy (%)")
        if len(titles) > 1:
            keys = [Line2D([], [], label=" ".join(line), **_style(lines, line)) for line in lines]
            figure.legend(handles=keys, title=titles[1], loc="outside right center")
        return svg(figure)


def _style(lines: Sequence[tuple[str, ...]], line: tuple[str, ...]) -> dict[str, Any]:
    color, dashes, marker = _STYLES[lines.index(line) % len(_STYLES)]
    return {"color": color, "linestyle": dashes, "marker": marker, "markersize": 4, "linewidth": 1.3}


def _draw(
    axis: Any, results: Sequence[Result], levels: Sequence[str], lines: Sequence[tuple[str, ...]]
) -> None:
    for number, line in enumerate(lines):
        places, means, deviations = [], [], []
        for place, level in enumerate(levels):
            found = [result.accuracy for result in results if result.cell == (level, *line)]
            if found:
                places.append(place + 0.04 * number)
                means.append(fmean(found))
                deviations.append(stdev(found) if len(found) > 1 else 0.0)
        if places:
            axis.errorbar(places, means, deviations, capsize=2, **_style(lines, line))
    axis.set_xticks(range(len(levels)), levels)
    axis.grid(axis="y")
    axis.tick_params(length=0)
