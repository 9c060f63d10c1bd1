"""The chart of a study, or of several that share one: means over seeds with their deviations."""

from collections.abc import Callable, Mapping, Sequence
from statistics import fmean, stdev
from typing import Any, NamedTuple

from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from cgn.methods.registry import METHODS
from cgn.report.chart_style import STYLE, svg
from cgn.report.names import METHOD_TITLES, VARIANT_TITLES
from experiments.study_results import Result

_STYLES = (
    ("#c1272d", "-", "o"),
    ("#2474b5", (0, (5, 1.5)), "s"),
    ("#8a8a8a", (0, (1, 1)), "^"),
    ("#ddaa33", (0, (5, 1.5, 1, 1.5)), "D"),
)
_MOST_ROWS = 3  # of panels, one for each method; of more methods, lines of one row


class Part(NamedTuple):
    """The results of a study, for a chart; `titles` are those of its axes."""

    titles: Sequence[str]
    results: Sequence[Result]


class _Panel(NamedTuple):
    title: str
    axis: str
    levels: list[str]  # from left to right
    lines: list[tuple[dict[str, Any], list[Result]]]  # style, results


def chart(parts: Sequence[Part], methods: Mapping[str, str]) -> str:
    """Means with standard deviations over the first axis, as SVG text.

    A column is a variant. With few methods, a row of panels is a method, and lines are levels of the second
    axis; else lines are methods. `methods` have titles by name.
    """
    shown = [
        name for name in methods if any(result.method == name for part in parts for result in part.results)
    ]
    by_method = len(shown) > _MOST_ROWS
    if by_method:
        rows = [[panel for part in parts for panel in _panels(part, shown, _of_methods)]]
        keys = [Line2D([], [], label=methods[name], **_of_method(name)) for name in shown]
        legend = ""
    else:
        rows = [[panel for part in parts for panel in _panels(part, [name], _of_levels)] for name in shown]
        lines = _lines(parts[0])
        keys = [Line2D([], [], label=" ".join(line), **_style(lines, line)) for line in lines if line]
        legend = parts[0].titles[-1]
    with rc_context(STYLE):
        columns = max(map(len, rows))
        size = 3.5 * columns + 1.6, 3.1 * len(rows) + 0.5
        figure = Figure(figsize=size, layout="constrained")
        axes: Any = figure.subplots(len(rows), columns, squeeze=False, sharey="row")
        for row, panels in enumerate(rows):
            for axis, panel in zip(axes[row], panels, strict=True):
                _draw(axis, panel)
            axes[row][0].set_ylabel("test accuracy (%)")
        if keys:
            figure.legend(handles=keys, title=legend or None, loc="outside right center")
        return svg(figure)


_Lines = Callable[[Part, Sequence[Result]], list[tuple[dict[str, Any], list[Result]]]]


def _panels(part: Part, methods: Sequence[str], lines_of: _Lines) -> list[_Panel]:
    """The panels of a study's variants with the results of `methods`."""
    levels = list(dict.fromkeys(result.cell[0] for result in part.results))
    panels = []
    for variant in dict.fromkeys(result.variant for result in part.results):
        own = [result for result in part.results if (result.variant == variant and result.method in methods)]
        title = VARIANT_TITLES[variant] + (f", {METHOD_TITLES[methods[0]]}" if len(methods) == 1 else "")
        panels.append(_Panel(title, part.titles[0], levels, lines_of(part, own)))
    return panels


def _of_methods(part: Part, own: Sequence[Result]) -> list[tuple[dict[str, Any], list[Result]]]:
    return [(_of_method(name), [one for one in own if one.method == name]) for name in METHODS]


def _of_levels(part: Part, own: Sequence[Result]) -> list[tuple[dict[str, Any], list[Result]]]:
    lines = _lines(part)
    return [(_style(lines, line), [one for one in own if one.cell[1:] == line]) for line in lines]


def _lines(part: Part) -> list[tuple[str, ...]]:
    return list(dict.fromkeys(result.cell[1:] for result in part.results))


def _of_method(name: str) -> dict[str, Any]:
    row = METHODS[name]
    return {"color": row.color, "linestyle": row.dashes, "marker": "o", "markersize": 3, "linewidth": 1.3}


def _style(lines: Sequence[tuple[str, ...]], line: tuple[str, ...]) -> dict[str, Any]:
    color, dashes, marker = _STYLES[lines.index(line) % len(_STYLES)]
    return {"color": color, "linestyle": dashes, "marker": marker, "markersize": 4, "linewidth": 1.3}


def _draw(axis: Any, panel: _Panel) -> None:
    named = not panel.levels[0][0].isdigit()  # names have no order that a line could follow
    for number, (style, results) in enumerate(panel.lines):
        places, means, deviations = [], [], []
        for place, level in enumerate(panel.levels):
            if found := [result.accuracy for result in results if result.cell[0] == level]:
                places.append(place + 0.04 * number)
                means.append(fmean(found))
                deviations.append(stdev(found) if len(found) > 1 else 0.0)
        if places:
            axis.errorbar(
                places, means, deviations, capsize=2, **(style | {"linestyle": ""} if named else style)
            )
    axis.set_title(panel.title)
    axis.set_xlabel(panel.axis)
    axis.set_xticks(range(len(panel.levels)), panel.levels)
    axis.margins(x=0.15)
    axis.grid(axis="y")
    axis.tick_params(length=0)
