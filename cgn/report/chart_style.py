"""The style of all charts, and their SVG text, which is readable on light and on dark pages.

The same figure gives the same bytes. Charts use matplotlib's object interface, which has no global state and
needs no window system.
"""

import io
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, StrMethodFormatter

MOST_POINTS = 300  # points of one line; a chart of this size cannot show more
INK = "#333333"
EDGE = "#777777"
GRID = "#e4e4e4"
MARK = "#111111"  # of a value of the paper
HALO = "#ffffff"  # around such a mark: the background of the page

# Colours that are not readable on a dark page -> the colours used there. All others are fit for both.
DARK = {
    INK: "#e6e8eb",
    EDGE: "#a4adb8",
    GRID: "#3d444d",
    MARK: "#f4f5f7",
    HALO: "#1d2126",
    "#2474b5": "#4f9fe0",
    "#1b4965": "#4b8bb0",
    "#7b5ea7": "#a58bd3",
    "#c1272d": "#e5534b",
    "#8c1c4b": "#d4659a",
    "#4a4a4a": "#c9ced4",
}

STYLE: Any = {
    "svg.hashsalt": "cgn",
    "svg.fonttype": "path",
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "text.color": INK,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": EDGE,
    "axes.facecolor": "none",
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "grid.color": GRID,
    "legend.frameon": False,
    "figure.facecolor": "none",
    "savefig.facecolor": "none",
}


def draw_line(axis: Axes, history: pd.DataFrame, x: str, y: str, **style: Any) -> None:
    """Draws column `y` of a history over column `x`, with at most `MOST_POINTS`; `style` is matplotlib's."""
    every = max(1, -(-len(history) // MOST_POINTS))
    rows = history.iloc[::every]
    marker = "o" if len(rows) == 1 else ""
    axis.plot(rows[x].to_numpy(float), rows[y].to_numpy(float), linewidth=1.4, marker=marker, **style)
    axis.grid(visible=True)
    axis.tick_params(length=0)
    axis.xaxis.set_major_locator(MaxNLocator(5))
    axis.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))


def svg(figure: Figure) -> str:
    """The figure as SVG text. With `STYLE`, the same figure gives the same bytes."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    # matplotlib writes colours into style attributes, which only !important overrides.
    rules = "".join(
        f'[style*="{what}: {light}"]{{{what}:{dark} !important}}'
        for light, dark in DARK.items()
        for what in ("fill", "stroke")
    )
    dark_ground = f"<style>@media (prefers-color-scheme: dark){{{rules}}}</style>"
    return buffer.getvalue().replace("</defs>", f"{dark_ground}</defs>", 1)
