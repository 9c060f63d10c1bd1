"""Table 5 (appendix H) in the report: accuracies of the classifiers of the signals, and the verdict."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib import rc_context
from matplotlib.figure import Figure
from pydantic import BaseModel, ConfigDict, TypeAdapter

from cgn.report.ablation import NonNegative, Percent
from cgn.report.chart_style import GRID, INK, STYLE, svg
from cgn.report.imagenet import Table
from cgn.report.names import VARIANT_TITLES
from cgn.report.scores import validated

CHANCE = 10.0  # percent
RANDOM = "random"
_STYLES: dict[str, Any] = {
    "shape": {"color": "#c1272d", "linestyle": "-", "marker": "o"},
    "foreground": {"color": "#2474b5", "linestyle": (0, (5, 1.5)), "marker": "s"},
    "background": {"color": "#8a8a8a", "linestyle": (0, (1, 1)), "marker": "^"},
}
LEGEND = (
    "Accuracy in percent of three classifiers, each trained on counterfactuals with the label of one"
    " mechanism: the shape, the foreground (object colour or texture), the background. A column is an"
    " environment of the same held-out digits, whose cues tell the label with this correlation."
    " Dependence: the range of the accuracies over the environments that IRM trains on (all but random),"
    " divided by the highest one above chance and by the range of the correlations; 0 is independent of"
    " the environment, 1 is what a mere correlation gives. A signal is stable, so the cause, if its"
    " dependence is below {stable_below:g}; –: no accuracy reaches 20 %, so the classifier reads nothing."
    " Random cues are shown, but do not decide. The values of the paper's Table 5 are not known; it has"
    " the shape as the cause."
)


class SignalScores(BaseModel):
    """The file signals.json of one variant."""

    model_config = ConfigDict(frozen=True)

    signals: dict[str, dict[str, Percent]]  # accuracy by signal and environment
    dependence: dict[str, NonNegative | None]
    causal_signal: str
    stable_below: float


def parse_signals(value: Any, source: str) -> SignalScores:
    """Checks the scores. Raises UserError, which names the file `source`, when one is missing or wrong."""
    return validated(TypeAdapter(SignalScores), value, source)


def metrics(score: SignalScores) -> dict[str, Any]:
    """The entries of a variant in reports/metrics.json."""
    known = {name: value for name, value in score.dependence.items() if value is not None}
    return {
        "signals": score.signals,
        "signal_dependence": known,
        "causal_signal": score.causal_signal,
    }


def verdict(score: SignalScores) -> str:
    """The verdict in words."""
    if score.causal_signal in score.signals:
        return f"the {score.causal_signal} alone is stable, so it is the cause"
    return {"none": "no signal is stable", "several": "several signals are stable"}[score.causal_signal]


def environment_title(name: str) -> str:
    """The title of an environment: 92_5 -> 92.5 %."""
    return RANDOM if name == RANDOM else f"{name.replace('_', '.')} %"


def signals_table(scores: Mapping[str, SignalScores]) -> Table:
    """Table 5, a row for each variant and signal; `scores` are by variant."""
    rows: list[dict[str, Any]] = []
    cells = []
    for variant, score in scores.items():
        for signal, accuracies in score.signals.items():
            found, stable = score.dependence[signal], signal == score.causal_signal
            rows.append(
                {"variant": variant, "signal": signal} | accuracies | {"dependence": found, "cause": stable}
            )
            cells.append(
                {"variant": VARIANT_TITLES[variant], "classifier of": signal}
                | {environment_title(name): f"{value:.1f}" for name, value in accuracies.items()}
                | {"dependence": "–" if found is None else f"{found:.2f}"}
                | {"verdict": "stable: the cause" if stable else ""}
            )
    stable_below = next(iter(scores.values())).stable_below
    title = "Table 5: which signal is the cause?"
    legend = LEGEND.format(stable_below=stable_below)
    return Table("table_5", title, pd.DataFrame(rows), pd.DataFrame(cells), legend)


def signals_chart(scores: Mapping[str, SignalScores]) -> str:
    """Lines of accuracy over the environments for each signal, a panel for each variant, as SVG text."""
    with rc_context(STYLE):
        figure = Figure(figsize=(10.5, 3.6))
        margins = {"left": 0.06, "right": 0.985, "top": 0.87, "bottom": 0.27, "wspace": 0.12}
        axes: Any = figure.subplots(1, len(scores), sharey=True, squeeze=False, gridspec_kw=margins)
        for axis, (variant, score) in zip(axes[0], scores.items(), strict=True):
            for signal, accuracies in score.signals.items():
                known = {name: value for name, value in accuracies.items() if name != RANDOM}
                places = range(len(known))
                style = {"color": INK, "marker": "D"} | _STYLES.get(signal, {})
                axis.plot(places, list(known.values()), label=signal, linewidth=1.4, markersize=4, **style)
                if RANDOM in accuracies:  # apart, as it does not decide
                    axis.plot(len(known) + 0.5, accuracies[RANDOM], linewidth=0, markersize=4, **style)
            names = [environment_title(name).removesuffix(" %") for name in [*known, RANDOM]]
            axis.set_xticks([*range(len(known)), len(known) + 0.5], names)
            axis.axhline(CHANCE, color=INK, linewidth=1, linestyle=(0, (3, 2)))
            axis.set(ylim=(0, 102), title=VARIANT_TITLES[variant])
            axis.set_xlabel("correlation of cues and label (%)")
            axis.grid(axis="y", color=GRID)
            axis.tick_params(length=0)
        axes[0][0].set_ylabel("accuracy (%)")
        handles, labels = axes[0][0].get_legend_handles_labels()
        figure.legend(handles, [f"classifier of the {name}" for name in labels], loc="lower center", ncols=4)
        return svg(figure)
