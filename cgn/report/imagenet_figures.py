"""Figures of the ImageNet CGN during training: mu_mask (appendix G), Inception Score, outputs (figure 5)."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.figure import Figure
from numpy.typing import NDArray

from cgn.report.ablation import ROWS
from cgn.report.chart_style import STYLE, draw_line, svg
from cgn.report.contact_sheets import contact_sheet

# Name in the snapshots -> title; m, f, b and x are the paper's symbols.
PANELS = {
    "premask": "pre-mask",
    "mask": "mask m",
    "foreground": "texture map f",
    "background": "background b",
    "composite": "composite x = m f + (1 - m) b",
}
MOST_SNAPSHOTS = 4  # rows of a sheet
_WINDOW = 0.05  # length of the running mean, as a share of the training
LINES: dict[str, tuple[str, Any]] = {
    "no_shape": ("#2474b5", (0, (5, 1.5))),
    "no_text": ("#ddaa33", "-"),
    "no_bg": ("#5aa9a3", (0, (5, 1.5, 1, 1.5))),
    "no_rec": ("#7b5ea7", (0, (1, 1))),
    "all": ("#c1272d", "-"),
}


def mask_mean_curves(histories: Mapping[str, pd.DataFrame]) -> str:
    """mu_mask during training as SVG text, a line for each of `histories` {ablation: `step`, `mask_mean`}.

    Lines are running means, because batches differ more than the ablations do.
    """
    smooth = smoothed(histories)
    with rc_context(STYLE):
        figure = Figure(figsize=(8, 3.8))
        axis: Any = figure.subplots(gridspec_kw={"left": 0.08, "right": 0.74, "top": 0.95, "bottom": 0.13})
        for name, history in smooth.items():
            color, dashes = LINES[name]
            draw_line(axis, history, "step", "mask_mean", color=color, linestyle=dashes, label=title_of(name))
        axis.set(ylim=_limits(pd.concat([history["mask_mean"] for history in smooth.values()])))
        axis.set(xlabel="step", ylabel="mean mask")
        figure.legend(*axis.get_legend_handles_labels(), loc="center right")
        return svg(figure)


def smoothed(histories: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Running means of all columns."""
    return {
        name: history.rolling(max(1, round(_WINDOW * len(history))), center=True, min_periods=1).mean()
        for name, history in histories.items()
    }


def title_of(ablation: str) -> str:
    """The name of an ablation in charts."""
    return "all losses" if ablation == "all" else f"without {ROWS[ablation]}"


def _limits(fractions: "pd.Series[float]") -> tuple[float, float]:
    """The limits of an axis: from 0 if the values then fill half of its height, else close to the values."""
    low, high = fractions.min(), fractions.max()
    margin = 0.06 * (high - low) or 0.01
    return (0 if low < high - low else low - margin), min(high + margin, 1)


def inception_score_curve(snapshots: Mapping[str, NDArray[Any]]) -> str:
    """The Inception-style score of composites during the training with all losses, as SVG text."""
    with rc_context(STYLE):
        figure = Figure(figsize=(8, 2.6))
        axis: Any = figure.subplots(gridspec_kw={"left": 0.08, "right": 0.74, "top": 0.95, "bottom": 0.18})
        color, dashes = LINES["all"]
        scores = pd.DataFrame({name: snapshots[name] for name in ("step", "inception_score")})
        draw_line(axis, scores, "step", "inception_score", color=color, linestyle=dashes)
        axis.set(ylim=(1, None), xlabel="step", ylabel="score")
        return svg(figure)


def mechanisms_over_training(
    snapshots: Mapping[str, NDArray[Any]], classes: tuple[str, ...]
) -> list[NDArray[np.uint8]]:
    """The mechanisms' outputs during training: a panel for each output, a row is a step, a column a class.

    `snapshots` has `step` (t,), and each of `PANELS` uint8 (t, classes, r, r, 3). At most `MOST_SNAPSHOTS`
    are shown, including the first and the last. Returns the panels (H, W, 4).
    """
    steps = snapshots["step"]
    shown = np.unique(np.linspace(0, len(steps) - 1, min(len(steps), MOST_SNAPSHOTS)).round().astype(int))
    rows = [f"step {int(step):,}" for step in steps[shown]]
    columns = [name.split("_")[-1] for name in classes]
    return [contact_sheet(snapshots[name][shown], rows, columns, title) for name, title in PANELS.items()]
