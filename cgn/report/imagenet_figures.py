"""Figures of the ImageNet CGN: mu_mask over training (appendix G), the mechanisms over it (figure 5)."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.figure import Figure
from numpy.typing import NDArray

from cgn.report.ablation import ROWS
from cgn.report.chart_style import STYLE, draw_line, svg
from cgn.report.contact_sheets import arrange, contact_sheet

# name in the snapshots -> what a reader sees; m, f, b and x as in the paper
PANELS = {
    "premask": "pre-mask",
    "mask": "mask m",
    "foreground": "texture map f",
    "background": "background b",
    "composite": "composite x = m f + (1 - m) b",
}
MOST_SNAPSHOTS = 4  # what one picture can show
_WINDOW = 0.05  # of a training, that a running mean is over
_LINES: dict[str, tuple[str, Any]] = {
    "no_shape": ("#2474b5", (0, (5, 1.5))),
    "no_text": ("#ddaa33", "-"),
    "no_bg": ("#5aa9a3", (0, (5, 1.5, 1, 1.5))),
    "no_rec": ("#7b5ea7", (0, (1, 1))),
    "all": ("#c1272d", "-"),
}


def mask_mean_curves(histories: Mapping[str, pd.DataFrame]) -> str:
    """mu_mask over training as SVG text, a line for each of `histories` {ablation: `step`, `mask_mean`}.

    A running mean: the batches differ more from each other than the lines do.
    """
    smooth = {
        name: history.rolling(max(1, round(_WINDOW * len(history))), center=True, min_periods=1).mean()
        for name, history in histories.items()
    }
    with rc_context(STYLE):
        figure = Figure(figsize=(8, 3.8))
        axis: Any = figure.subplots(gridspec_kw={"left": 0.08, "right": 0.74, "top": 0.95, "bottom": 0.13})
        for name, history in smooth.items():
            color, dashes = _LINES[name]
            label = "all losses" if name == "all" else f"without {ROWS[name]}"
            draw_line(axis, history, "step", "mask_mean", color=color, linestyle=dashes, label=label)
        axis.set(ylim=_limits(pd.concat([history["mask_mean"] for history in smooth.values()])))
        axis.set(xlabel="step", ylabel="mean mask")
        figure.legend(*axis.get_legend_handles_labels(), loc="center right")
        return svg(figure)


def _limits(fractions: "pd.Series[float]") -> tuple[float, float]:
    """Limits of an axis: from 0 where the values still take half of its height, else close around them."""
    low, high = fractions.min(), fractions.max()
    margin = 0.06 * (high - low) or 0.01
    return (0 if low < high - low else low - margin), min(high + margin, 1)


def inception_score_curve(snapshots: Mapping[str, NDArray[Any]]) -> str:
    """The Inception-style score of composites over the training of the CGN with all losses, as SVG text."""
    with rc_context(STYLE):
        figure = Figure(figsize=(8, 2.6))
        axis: Any = figure.subplots(gridspec_kw={"left": 0.08, "right": 0.74, "top": 0.95, "bottom": 0.18})
        color, dashes = _LINES["all"]
        scores = pd.DataFrame({name: snapshots[name] for name in ("step", "inception_score")})
        draw_line(axis, scores, "step", "inception_score", color=color, linestyle=dashes)
        axis.set(ylim=(1, None), xlabel="step", ylabel="score")
        return svg(figure)


def mechanisms_over_training(
    snapshots: Mapping[str, NDArray[Any]], classes: tuple[str, ...]
) -> NDArray[np.uint8]:
    """What each mechanism draws as training goes on: one panel an output, a row a step, a column a class.

    `snapshots`: `step` (t,), and each of `PANELS` uint8 (t, classes, r, r, 3). At most `MOST_SNAPSHOTS` are
    shown, with the first and the last. Returns uint8 (H, W, 4).
    """
    steps = snapshots["step"]
    shown = np.unique(np.linspace(0, len(steps) - 1, min(len(steps), MOST_SNAPSHOTS)).round().astype(int))
    rows = [f"step {int(step):,}" for step in steps[shown]]
    columns = [name.split("_")[-1] for name in classes]
    sheets = [contact_sheet(snapshots[name][shown], rows, columns, title) for name, title in PANELS.items()]
    return arrange([sheets[:2], sheets[2:4], sheets[4:]])
