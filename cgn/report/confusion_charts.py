"""Confusion matrices as SVG text: how each classifier reads each class of the test images."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, Normalize, to_rgba
from matplotlib.figure import Figure

from cgn.report.chart_style import GRID, INK, STYLE, svg
from cgn.report.names import METHODS

_COLUMNS = 4
_BLUE = "#1b62a5"
_SHARES = LinearSegmentedColormap.from_list("shares", [to_rgba(_BLUE, 0), to_rgba(_BLUE, 1)])  # on any ground
_FULL = 70  # percent; from here on a number is written in white


def confusion_matrices(table: pd.DataFrame, title: str) -> str:
    """One matrix a method: share of each true class (row) that was given each prediction, in percent.

    `table` is `cgn.report.tables.confusion` of one variant.
    """
    with rc_context(STYLE):
        return svg(confusion_figure(table, title))


def confusion_figure(table: pd.DataFrame, title: str) -> Figure:
    """The same as a matplotlib figure."""
    rows = -(-len(METHODS) // _COLUMNS)
    with rc_context(STYLE | {"font.size": 7.5, "axes.spines.left": False, "axes.spines.bottom": False}):
        height = 2.75 * rows + 0.75  # inches
        figure = Figure(figsize=(10.5, height))
        margins = {"left": 0.05, "right": 0.91, "wspace": 0.06, "hspace": 0.16}
        margins |= {"top": 1 - 0.65 / height, "bottom": 0.45 / height}
        axes: Any = figure.subplots(
            rows, _COLUMNS, sharex=True, sharey=True, squeeze=False, gridspec_kw=margins
        )
        for axis in axes.flat[len(METHODS) :]:
            axis.set_visible(False)
        for axis, (method, name) in zip(axes.flat, METHODS.items(), strict=False):
            _draw_matrix(axis, table[table["method"] == method], name)
        for axis in axes[:, 0]:
            axis.set_ylabel("true class")
        for axis in axes.flat[max(len(METHODS) - _COLUMNS, 0) : len(METHODS)]:
            axis.set_xlabel("predicted class")
            axis.tick_params(labelbottom=True)
        bar = figure.colorbar(
            ScalarMappable(norm=Normalize(0, 100), cmap=_SHARES),
            cax=figure.add_axes((0.93, 0.3, 0.012, 0.4)),
        )
        bar.set_label("% of the true class")
        bar.outline.set_visible(False)
        figure.text(0.05, 1 - 0.3 / height, title, fontsize=11)
        return figure


def _draw_matrix(axis: Any, rows: pd.DataFrame, name: str) -> None:
    counts = rows.pivot(index="true_class", columns="predicted_class", values="count").to_numpy(float)
    shares = 100 * counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axis.pcolormesh(shares, cmap=_SHARES, vmin=0, vmax=100, edgecolors=GRID, linewidth=0.4)
    for digit, share in enumerate(np.diag(shares)):
        color = "#fafafa" if share >= _FULL else INK
        axis.text(
            digit + 0.5, digit + 0.5, f"{share:.0f}", ha="center", va="center", fontsize=6.5, color=color
        )
    accuracy = 100 * np.trace(counts) / max(counts.sum(), 1)
    axis.set(aspect="equal", ylim=(10, 0))
    axis.set_title(f"{name}: {accuracy:.1f} %", fontsize=8.5)
    axis.set_xticks(np.arange(10) + 0.5, [str(digit) for digit in range(10)])
    axis.set_yticks(np.arange(10) + 0.5, [str(digit) for digit in range(10)])
    axis.tick_params(length=0)
