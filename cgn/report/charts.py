"""Charts of accuracy, training and confusion matrices as SVG text.

The same numbers give the same bytes. Colours are fit for colour blindness, and lines also differ in dashes.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, Normalize, to_rgba
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from cgn.methods.registry import METHODS
from cgn.report.chart_style import GRID, HALO, INK, MARK, STYLE, draw_line, svg
from cgn.report.names import METHOD_TITLES, VARIANT_TITLES

CHANCE = 10.0  # percent
_LOSS_COLUMNS = 4

GENERATOR_STYLES: dict[str, tuple[str, Any]] = {"CGN": ("#c1272d", "-"), "GAN": ("#2474b5", (0, (5, 1.5)))}


def accuracy_bars(table: pd.DataFrame) -> str:
    """Bars of the test accuracy of every method on every variant, with chance and the paper's values.

    Unverified values of the paper are not shown. `table` is from `cgn.report.tables.table_2`.
    """
    with rc_context(STYLE):
        figure = Figure(figsize=(10.5, 4.5))
        margins = {"left": 0.145, "right": 0.96, "top": 0.925, "bottom": 0.205, "wspace": 0.17}
        axes: Any = figure.subplots(1, len(VARIANT_TITLES), sharey=True, gridspec_kw=margins)
        positions = np.arange(len(METHOD_TITLES))
        chance: Any = {"color": INK, "linewidth": 1, "linestyle": (0, (3, 2))}
        diamond: Any = {"marker": "D", "color": MARK, "markeredgecolor": HALO, "markeredgewidth": 0.9}
        for axis, (variant, title) in zip(axes, VARIANT_TITLES.items(), strict=True):
            rows = table[(table["variant"] == variant) & (table["split"] == "test")].set_index("method")
            rows = rows.loc[list(METHOD_TITLES)]
            ours = rows["ours"].to_numpy(float)
            axis.barh(
                positions,
                ours,
                height=0.62,
                color=[METHODS[method].color for method in METHOD_TITLES],
                zorder=2,
            )
            axis.axvline(CHANCE, zorder=3, **chance)
            for y, value in zip(positions, ours, strict=True):
                axis.text(103, y, f"{value:.1f}", va="center", fontsize=8.5)
            verified = rows["difference"].notna().to_numpy()
            paper = rows["paper"].to_numpy(float)[verified]
            axis.plot(paper, positions[verified], linestyle="", markersize=5.5, zorder=4, **diamond)
            axis.set(
                xlim=(0, 100), title=title, xlabel="test accuracy (%)", ylim=(len(METHOD_TITLES) - 0.4, -0.6)
            )
            axis.set_xticks([0, 25, 50, 75, 100])
            axis.set_yticks(positions, list(METHOD_TITLES.values()))
            axis.tick_params(length=0)
            axis.grid(axis="x", zorder=0)
        handles = [
            Patch(color="#8a8a8a", label="ours"),
            Line2D([], [], label="chance (10 %)", **chance),
            Line2D([], [], linestyle="", markersize=5.5, label="the paper's", **diamond),
        ]
        figure.legend(handles=handles, loc="lower center", ncols=len(handles))
        return svg(figure)


def training_curves(
    generators: Mapping[str, pd.DataFrame], classifiers: Mapping[str, pd.DataFrame], title: str
) -> str:
    """Curves of every loss of the generators, and of loss and validation accuracy of the classifiers.

    `generators` is {"CGN" | "GAN": history with a column `step` and a column for each loss}; losses of the
    same name share a panel. `classifiers` is {method: history with `image_passes`, `loss` and
    `validation_accuracy` (percent)}.
    """
    names = [str(name) for history in generators.values() for name in history.columns]
    losses = [name for name in dict.fromkeys(names) if name != "step"]
    loss_rows = -(-len(losses) // _LOSS_COLUMNS)
    with rc_context(STYLE | {"font.size": 8, "axes.titlesize": 9}):
        # Heights in inches, so that panels keep their size for any number of losses.
        upper_height, lower_height = 1.75 * loss_rows + 0.35, 3.4
        figure = Figure(figsize=(10.5, upper_height + lower_height))
        areas: Any = figure.subfigures(2, 1, height_ratios=[upper_height, lower_height])
        upper, lower = areas
        _draw_generators(upper, generators, losses, loss_rows, upper_height)
        upper.text(0.01, 1 - 0.2 / upper_height, f"{title}: losses of the generators", fontsize=11)
        _draw_classifiers(lower, classifiers)
        lower.text(0.01, 0.94, f"{title}: classifiers", fontsize=11)
        return svg(figure)


def _draw_generators(
    area: SubFigure, generators: Mapping[str, pd.DataFrame], losses: list[str], rows: int, height: float
) -> None:
    margins = {"left": 0.05, "right": 0.985, "wspace": 0.24, "hspace": 0.72}
    margins |= {"top": 1 - 0.6 / height, "bottom": 0.45 / height}
    panels: Any = area.subplots(rows, _LOSS_COLUMNS, squeeze=False, gridspec_kw=margins)
    for axis, loss in zip(panels.flat, losses, strict=False):
        for name, history in generators.items():
            if loss in history:
                color, dashes = GENERATOR_STYLES[name]
                draw_line(axis, history, "step", loss, color=color, linestyle=dashes)
        axis.set_title(loss.replace("_", " "))
        axis.set_xlabel("step")
        _robust_limits(axis)
    for axis in panels.flat[len(losses) :]:
        axis.axis("off")
    handles = [
        Line2D([], [], color=color, linestyle=dashes, label=name)
        for name, (color, dashes) in GENERATOR_STYLES.items()
        if name in generators
    ]
    area.legend(handles=handles, loc="upper right", ncols=2)


def _draw_classifiers(area: SubFigure, classifiers: Mapping[str, pd.DataFrame]) -> None:
    margins = {"left": 0.05, "right": 0.81, "top": 0.82, "bottom": 0.14, "wspace": 0.16}
    panels: Any = area.subplots(1, 2, gridspec_kw=margins)
    titles = {"loss": "training loss", "validation_accuracy": "accuracy on held-out biased images (%)"}
    for axis, (quantity, title) in zip(panels, titles.items(), strict=True):
        for method, history in classifiers.items():
            style = {
                "color": METHODS[method].color,
                "linestyle": METHODS[method].dashes,
                "label": METHOD_TITLES[method],
            }
            draw_line(axis, history, "image_passes", quantity, **style)
        axis.set_title(title)
        axis.set_xlabel("images seen")
    if all((history["loss"] > 0).all() for history in classifiers.values()):
        panels[0].set_yscale("log")
    area.legend(*panels[0].get_legend_handles_labels(), loc="upper right", bbox_to_anchor=(1.0, 0.85))


def _robust_limits(axis: Axes) -> None:
    """Limits the axis to the middle 98 % of the points and a margin, to cut off a first spike."""
    values = np.concatenate([np.asarray(line.get_ydata(), float) for line in axis.get_lines()])
    low, high = np.quantile(values[np.isfinite(values)], [0.01, 0.99])
    margin = 0.06 * (high - low) or 0.5
    axis.set_ylim(low - margin, high + margin)


_COLUMNS = 4
_BLUE = "#1b62a5"
_SHARES = LinearSegmentedColormap.from_list("shares", [to_rgba(_BLUE, 0), to_rgba(_BLUE, 1)])  # for any page
_FULL = 70  # percent; larger numbers are written in white


def confusion_matrices(table: pd.DataFrame, title: str) -> str:
    """The confusion matrix of each method as SVG text: the share of each true class (row), in percent.

    `table` is from `cgn.report.tables.confusion`, of one variant.
    """
    with rc_context(STYLE):
        return svg(confusion_figure(table, title))


def confusion_figure(table: pd.DataFrame, title: str) -> Figure:
    """The chart of `confusion_matrices` as a matplotlib figure."""
    rows = -(-len(METHOD_TITLES) // _COLUMNS)
    with rc_context(STYLE | {"font.size": 7.5, "axes.spines.left": False, "axes.spines.bottom": False}):
        height = 2.75 * rows + 0.75  # inches
        figure = Figure(figsize=(10.5, height))
        margins = {"left": 0.05, "right": 0.91, "wspace": 0.06, "hspace": 0.16}
        margins |= {"top": 1 - 0.65 / height, "bottom": 0.45 / height}
        axes: Any = figure.subplots(
            rows, _COLUMNS, sharex=True, sharey=True, squeeze=False, gridspec_kw=margins
        )
        for axis in axes.flat[len(METHOD_TITLES) :]:
            axis.set_visible(False)
        for axis, (method, name) in zip(axes.flat, METHOD_TITLES.items(), strict=False):
            _draw_matrix(axis, table[table["method"] == method], name)
        for axis in axes[:, 0]:
            axis.set_ylabel("true class")
        for axis in axes.flat[max(len(METHOD_TITLES) - _COLUMNS, 0) : len(METHOD_TITLES)]:
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
