"""The charts as SVG text: bars, confusion matrices, training curves. The same numbers give the same bytes.

Colours are fit for colour blindness, and every line differs in dash as well. matplotlib's object
interface is used throughout: no global state, no window system.
"""

import io
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator, StrMethodFormatter

from cgn.report.names import METHODS, VARIANTS

CHANCE = 10.0  # percent
MOST_POINTS = 300  # of one line: what a chart of this size can show
_LOSS_COLUMNS = 4

# Methods of one family share a hue: greys do nothing or know all, blues are invariant learning, reds are CGN.
_COLORS = {
    "original": "#8a8a8a",
    "irm_2": "#8ecae6",
    "irm_5": "#2474b5",
    "group_dro": "#5aa9a3",
    "lntl": "#1b4965",
    "augmentation": "#7b5ea7",
    "gan": "#ddaa33",
    "cgn": "#c1272d",
    "cgn_only": "#ee8866",
    "cgn_abduction": "#8c1c4b",
    "oracle": "#4a4a4a",
}
_DASHES: dict[str, Any] = {
    "original": "-",
    "irm_2": (0, (5, 1.5)),
    "irm_5": "-",
    "group_dro": (0, (5, 1.5, 1, 1.5)),
    "lntl": (0, (1, 1)),
    "augmentation": "-",
    "gan": (0, (5, 1.5, 1, 1.5)),
    "cgn": "-",
    "cgn_only": (0, (5, 1.5)),
    "cgn_abduction": (0, (1, 1)),
    "oracle": (0, (1, 1)),
}
_GENERATOR_STYLES: dict[str, tuple[str, Any]] = {"CGN": ("#c1272d", "-"), "GAN": ("#2474b5", (0, (5, 1.5)))}

STYLE: Any = {
    "svg.hashsalt": "cgn",
    "svg.fonttype": "path",
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#777777",
    "axes.labelcolor": "#333333",
    "xtick.color": "#333333",
    "ytick.color": "#333333",
    "grid.color": "#e4e4e4",
    "legend.frameon": False,
}


def accuracy_bars(table: pd.DataFrame) -> str:
    """Test accuracy of every method on every variant, the paper's value beside it, and chance.

    `table` is `cgn.report.tables.table_2`. A filled diamond is a value of the paper that was read in a
    published source (V, C), a hollow one an unverified recollection (U).
    """
    with rc_context(STYLE):
        figure = Figure(figsize=(10.5, 4.5))
        margins = {"left": 0.145, "right": 0.96, "top": 0.925, "bottom": 0.205, "wspace": 0.17}
        axes: Any = figure.subplots(1, len(VARIANTS), sharey=True, gridspec_kw=margins)
        positions = np.arange(len(METHODS))
        for axis, (variant, title) in zip(axes, VARIANTS.items(), strict=True):
            rows = table[(table["variant"] == variant) & (table["split"] == "test")].set_index("method")
            rows = rows.loc[list(METHODS)]
            ours = rows["ours"].to_numpy(float)
            axis.barh(positions, ours, height=0.62, color=[_COLORS[method] for method in METHODS], zorder=2)
            axis.axvline(CHANCE, color="#333333", linewidth=1, linestyle=(0, (3, 2)), zorder=3)
            for y, value in zip(positions, ours, strict=True):
                axis.text(103, y, f"{value:.1f}", va="center", fontsize=8.5, color="#222222")
            for marks, fill in ((("V", "C"), "black"), (("U",), "white")):
                shown = rows["mark"].isin(marks).to_numpy(bool)
                axis.scatter(
                    rows["paper"].to_numpy(float)[shown],
                    positions[shown],
                    marker="D",
                    s=26,
                    facecolor=fill,
                    edgecolor="black" if fill == "white" else "white",
                    linewidth=0.9,
                    zorder=4,
                )
            axis.set(xlim=(0, 100), title=title, xlabel="test accuracy (%)", ylim=(len(METHODS) - 0.4, -0.6))
            axis.set_xticks([0, 25, 50, 75, 100])
            axis.set_yticks(positions, list(METHODS.values()))
            axis.tick_params(length=0)
            axis.grid(axis="x", zorder=0)
        handles = [
            Patch(color="#8a8a8a", label="ours"),
            Line2D([], [], color="#333333", linewidth=1, linestyle=(0, (3, 2)), label="chance (10 %)"),
            _diamond("black", "white", "paper, published (V, C)"),
            _diamond("white", "black", "paper, unverified recollection (U)"),
        ]
        figure.legend(handles=handles, loc="lower center", ncols=4)
        return svg(figure)


def confusion_matrices(table: pd.DataFrame, title: str) -> str:
    """One matrix a method: share of each true class (row) that was given each prediction, in percent.

    `table` is `cgn.report.tables.confusion` of one variant.
    """
    with rc_context(STYLE | {"font.size": 7.5, "axes.spines.left": False, "axes.spines.bottom": False}):
        figure = Figure(figsize=(11.5, 4.6))
        margins = {
            "left": 0.045,
            "right": 0.91,
            "top": 0.905,
            "bottom": 0.075,
            "wspace": 0.06,
            "hspace": 0.16,
        }
        columns = -(-len(METHODS) // 2)
        axes: Any = figure.subplots(2, columns, sharex=True, sharey=True, gridspec_kw=margins)
        for axis in axes.flat[len(METHODS) :]:
            axis.set_visible(False)
        for axis, (method, name) in zip(axes.flat, METHODS.items(), strict=False):
            rows = table[table["method"] == method]
            counts = rows.pivot(index="true_class", columns="predicted_class", values="count").to_numpy(float)
            shares = 100 * counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
            axis.pcolormesh(shares, cmap="Blues", vmin=0, vmax=100, edgecolors="#ffffff", linewidth=0.4)
            for digit, share in enumerate(np.diag(shares)):
                color = "white" if share > 55 else "#333333"
                axis.text(
                    digit + 0.5,
                    digit + 0.5,
                    f"{share:.0f}",
                    ha="center",
                    va="center",
                    fontsize=5.5,
                    color=color,
                )
            accuracy = 100 * np.trace(counts) / max(counts.sum(), 1)
            axis.set(aspect="equal", ylim=(10, 0))
            axis.set_title(f"{name}: {accuracy:.1f} %", fontsize=8.5)
            axis.set_xticks(np.arange(10) + 0.5, [str(digit) for digit in range(10)])
            axis.set_yticks(np.arange(10) + 0.5, [str(digit) for digit in range(10)])
            axis.tick_params(length=0)
        for axis in axes[:, 0]:
            axis.set_ylabel("true class")
        for axis in axes[-1, :]:
            axis.set_xlabel("predicted class")
        scale = ScalarMappable(norm=Normalize(0, 100), cmap="Blues")
        bar = figure.colorbar(scale, cax=figure.add_axes((0.93, 0.25, 0.012, 0.5)))
        bar.set_label("% of the true class")
        bar.outline.set_visible(False)
        figure.text(0.045, 0.965, title, fontsize=11)
        return svg(figure)


def training_curves(
    generators: Mapping[str, pd.DataFrame], classifiers: Mapping[str, pd.DataFrame], title: str
) -> str:
    """Every loss of the generators, then loss and validation accuracy of the classifiers.

    `generators`: {"CGN" | "GAN": history with a column `step` and one column a loss}; losses of the
    same name share a panel. `classifiers`: {method: history with `image_passes`, `loss` and
    `validation_accuracy` (percent)}.
    """
    names = [str(name) for history in generators.values() for name in history.columns]
    losses = [name for name in dict.fromkeys(names) if name != "step"]
    loss_rows = -(-len(losses) // _LOSS_COLUMNS)
    with rc_context(STYLE | {"font.size": 8, "axes.titlesize": 9}):
        # In inches: the panels keep their size however many losses there are.
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
                color, dashes = _GENERATOR_STYLES[name]
                draw_line(axis, history, "step", loss, color=color, linestyle=dashes)
        axis.set_title(loss.replace("_", " "))
        axis.set_xlabel("step")
        _robust_limits(axis)
    for axis in panels.flat[len(losses) :]:
        axis.axis("off")
    handles = [
        Line2D([], [], color=color, linestyle=dashes, label=name)
        for name, (color, dashes) in _GENERATOR_STYLES.items()
        if name in generators
    ]
    area.legend(handles=handles, loc="upper right", ncols=2)


def _draw_classifiers(area: SubFigure, classifiers: Mapping[str, pd.DataFrame]) -> None:
    margins = {"left": 0.05, "right": 0.81, "top": 0.82, "bottom": 0.14, "wspace": 0.16}
    panels: Any = area.subplots(1, 2, gridspec_kw=margins)
    titles = {"loss": "training loss", "validation_accuracy": "accuracy on held-out biased images (%)"}
    for axis, (quantity, title) in zip(panels, titles.items(), strict=True):
        for method, history in classifiers.items():
            style = {"color": _COLORS[method], "linestyle": _DASHES[method], "label": METHODS[method]}
            draw_line(axis, history, "image_passes", quantity, **style)
        axis.set_title(title)
        axis.set_xlabel("images seen")
    if all((history["loss"] > 0).all() for history in classifiers.values()):
        panels[0].set_yscale("log")
    area.legend(*panels[0].get_legend_handles_labels(), loc="upper right", bbox_to_anchor=(1.0, 0.85))


def draw_line(axis: Axes, history: pd.DataFrame, x: str, y: str, **style: Any) -> None:
    """One column of a history over another, thinned out to `MOST_POINTS`; `style` is matplotlib's."""
    every = max(1, -(-len(history) // MOST_POINTS))
    rows = history.iloc[::every]
    marker = "o" if len(rows) == 1 else ""
    axis.plot(rows[x].to_numpy(float), rows[y].to_numpy(float), linewidth=1.4, marker=marker, **style)
    axis.grid(visible=True)
    axis.tick_params(length=0)
    axis.xaxis.set_major_locator(MaxNLocator(5))
    axis.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))


def _robust_limits(axis: Axes) -> None:
    """Cut off a first spike: the axis shows the middle 98 % of the points and a margin."""
    values = np.concatenate([np.asarray(line.get_ydata(), float) for line in axis.get_lines()])
    low, high = np.quantile(values[np.isfinite(values)], [0.01, 0.99])
    margin = 0.06 * (high - low) or 0.5
    axis.set_ylim(low - margin, high + margin)


def _diamond(face: str, edge: str, label: str) -> Line2D:
    return Line2D(
        [],
        [],
        linestyle="",
        marker="D",
        markersize=5.5,
        markerfacecolor=face,
        markeredgecolor=edge,
        label=label,
    )


def svg(figure: Figure) -> str:
    """The figure as SVG text; under `STYLE` the same figure gives the same bytes."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    return buffer.getvalue()
