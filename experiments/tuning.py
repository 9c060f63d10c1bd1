"""Searches the baselines' settings: `python -m experiments.tuning`, or for some of them `… irm lntl`.

At most eight settings of each method and variant are trained, on fewer image passes than in `make paper`
(`SHARE_ON_ENVIRONMENTS` and `SHARE_ON_BIASED` in experiments/baseline_training.py). Selected is the setting
with the highest accuracy on held-out digits in the paper's five training environments, whose correlations of
cue and label are 0.9 to 1. Test digits are not used. The accuracy on the same digits with random cues is
reported, to show what a search could reach at best, but not used. The selected settings are in
budgets/paper.yaml; a test compares the two.
"""

import json
import sys
from itertools import product
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import torch
import typer

from cgn.errors import UserError
from cgn.io.files import atomic_path, read_json, write_json
from cgn.params.reading import BUDGETS
from cgn.report.names import METHOD_TITLES, VARIANT_TITLES
from cgn.report.run_facts import machine
from experiments.baseline_training import Measure
from experiments.settings import overridden

FOLDER = Path("reports/tuning")
Settings = dict[str, Any]  # key of the profile's file -> value

# The two parameters of each method that matter most, by its paper or by its use here. `irm` is for irm_2 and
# irm_5.
SEARCH: dict[str, dict[str, list[Any]]] = {
    "irm": {"methods.irm.penalty": [0.1, 1, 10, 100], "methods.irm.environment_batch": [16, 64]},
    "group_dro": {
        "methods.group_dro.step_size": [0.001, 0.01, 0.1, 1.0],
        "methods.group_dro.weight_decay": [0.0001, 0.001],
    },
    "lntl": {"methods.lntl.reversal_weight": [0.1, 1, 10, 100], "methods.lntl.entropy_weight": [0.01, 1.0]},
    "augmentation": {
        "methods.augmentation.kernel_sizes": [[1], [1, 3], [1, 3, 5, 7], [3, 5, 7]],
        "methods.augmentation.share": [0.8, 1.0],
    },
    "gan": {"train_gan.steps": [1250, 2500], "methods.gan.real_share": [0.0, 0.25, 0.5, 0.75]},
}

# Trained and listed like the others, but never selected. IRM without penalty is plain training on
# environments; its accuracy is due to the few images without the shortcut, not to the objective.
CONTROLS: dict[str, list[Settings]] = {
    "irm": [{"methods.irm.penalty": 0, "methods.irm.environment_batch": 16}],
}


def main(
    method: Annotated[list[str], typer.Argument(help="only these")] = list(SEARCH),  # noqa: B006
    variant: Annotated[list[str], typer.Option(help="only these")] = list(VARIANT_TITLES),  # noqa: B006
    set_param: Annotated[list[str], typer.Option("-S", help="key=value, as of dvc exp run")] = [],  # noqa: B006
) -> None:
    """Train the settings that have no result yet, and keep each result as soon as it is known."""
    for kind, names, known in (("METHOD", method, SEARCH), ("--variant", variant, VARIANT_TITLES)):
        for name in names:
            if name not in known:
                raise UserError(f"{kind} {name}: not one of {', '.join(known)}")
    given = ["profile=paper", *set_param]
    of_profile = f"{BUDGETS}/{overridden(given).profile}.yaml"
    for of in variant:
        measure = Measure(of)
        for name in method:
            results = results_of(of, name)
            for settings in (*configurations(name), *CONTROLS.get(name, ())):
                if all(result["settings"] != settings for result in results):
                    own = [f"{of_profile}:{key}={json.dumps(value)}" for key, value in settings.items()]
                    params = overridden([*given, *own])
                    torch.set_num_threads(params.threads)
                    by = f"{machine()['processor']}, {params.device}"
                    results.append({"settings": settings, **measure(name, params), "machine": by})
                    write_json(FOLDER / of / f"{name}.json", results)
                    collect()


def results_of(variant: str, method: str) -> list[dict[str, Any]]:
    """The results of a search so far: settings, accuracies in percent, machine."""
    path = FOLDER / variant / f"{method}.json"
    found: list[dict[str, Any]] = read_json(path) if path.exists() else []
    return found


def configurations(method: str) -> list[Settings]:
    """All settings that the search of a method tries."""
    knobs = SEARCH[method]
    return [dict(zip(knobs, values, strict=True)) for values in product(*knobs.values())]


def selected(variant: str) -> Settings:
    """The selected settings of every method of `variant` whose search has ended."""
    chosen: Settings = {}
    for method in SEARCH:
        settings = configurations(method)
        results = [result for result in results_of(variant, method) if result["settings"] in settings]
        if len(results) == len(settings):
            chosen |= max(results, key=lambda result: float(result["held_out_accuracy"]))["settings"]
    return chosen


def collect() -> None:
    """Writes the table of all results in `FOLDER`."""
    rows = []
    for variant, title in VARIANT_TITLES.items():
        chosen = selected(variant)
        for search in SEARCH:
            results = results_of(variant, search)
            for result in results:
                settings = result["settings"]
                told = [f"{key.rpartition('.')[2]} {json.dumps(value)}" for key, value in settings.items()]
                marks = ["selected"] if settings.items() <= chosen.items() else []
                marks += ["control"] if settings in CONTROLS.get(search, []) else []
                for method, accuracies in result["methods"].items():
                    best = max(other["methods"][method]["random_cue_accuracy"] for other in results)
                    is_best = accuracies["random_cue_accuracy"] == best
                    told_of = marks + (["best under random cues"] if is_best else [])
                    cells = [*accuracies.values(), ", ".join(told_of)]
                    rows.append([title, METHOD_TITLES[method], ", ".join(told), *cells])
    columns = ["variant", "method", "settings", "held out, %", "random cues, %", ""]
    table = pd.DataFrame(rows, columns=columns).to_markdown(index=False)
    with atomic_path(FOLDER / "tuning.md") as temporary:
        temporary.write_text(
            "# The search for the baselines' settings\n\n`python -m experiments.tuning`. Selected: the"
            " highest accuracy on held-out digits under the training environments (IRM: the mean of its two)."
            " Accuracy under random cues took no part. Control: no penalty, plain training on environments,"
            f" never selected.\n\n{table}\n",
            encoding="utf-8",
        )


if __name__ == "__main__":
    try:
        typer.run(main)
    except UserError as error:
        sys.exit(f"tuning: error: {error}")
