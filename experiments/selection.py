"""The settings that the search tries, what its results select, and their table.

`experiments.tuning` runs the search. There are two rules of selection, as DomainBed (Gulrajani and Lopez-Paz
2021) names them:

- training environments: the highest accuracy on held-out digits in the paper's five training environments,
  whose correlations of cue and label are 0.9 to 1. budgets/paper.yaml has these settings; a test compares.
- random cues (oracle selection): the highest accuracy on the same digits with random cues.
  `python -m experiments.paper random-cues SEED` trains with these settings.

Selected settings are trained with two further seeds, whose spread tells whether a choice is clear. Test
digits take no part.
"""

import json
from collections.abc import Mapping
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cgn.io.files import atomic_path, read_json
from cgn.methods.registry import METHODS
from cgn.report.names import METHOD_TITLES, VARIANT_TITLES

FOLDER = Path("reports/tuning")
SEEDS = (0, 1, 2)  # of the first, all settings; of the others, the selected ones
# Rule of selection -> the accuracy that decides.
RULES = {"training_environments": "held_out_accuracy", "random_cues": "random_cue_accuracy"}
Settings = dict[str, Any]  # key of the profile's file -> value

# The two parameters of each method that matter most, by its paper or by its use here. `irm` is for irm_2 and
# irm_5. Their minibatches are given: 16 images of each environment are the fewest that make the 32 images of
# everyone's update.
SEARCH: dict[str, dict[str, list[Any]]] = {
    "irm": {"methods.irm.penalty": [0.01, 0.1, 1, 10], "methods.irm.penalty_start": [0.0, 0.3]},
    "group_dro": {
        "methods.group_dro.step_size": [0.0001, 0.001, 0.01, 0.1],
        "methods.group_dro.weight_decay": [0.0, 0.0001],
    },
    "lntl": {
        "methods.lntl.reversal_weight": [0.01, 0.1, 1, 10],
        "methods.lntl.entropy_weight": [0.01, 1.0],
    },
    "augmentation": {
        "methods.augmentation.kernel_sizes": [[1], [1, 3], [1, 3, 5, 7], [3, 5, 7]],
        "methods.augmentation.share": [0.8, 1.0],
    },
    "gan": {"train_gan.steps": [1250, 2500], "methods.gan.real_share": [0.0, 0.25, 0.5, 0.75]},
    "cgn": {
        "mnist.adversarial.discriminator.gradient_penalty": [[1.0, 0.15], [1.0, 0.03]],
        "methods.cgn.real_share": [0.0, 0.1, 0.25, 0.5],
    },
}

# A trial of the CGN takes ten times as long as others; those on Wildlife, the hardest variant, serve all.
ON_ONE_VARIANT = {"cgn": "wildlife_mnist"}

# Settings next to a choice that stood at the edge of its grid; values in the order of the keys above.
WIDER: dict[str, list[list[Any]]] = {
    "gan": [[625, 0.75], [1250, 0.9], [2500, 0.9], [4000, 0.25], [4000, 0.75]],  # the CGN has 4,000 steps
}

# Trained and listed like the others, but never selected. IRM without penalty is plain training on
# environments; its accuracy is due to the few images without the shortcut, not to the objective.
CONTROLS: dict[str, list[Settings]] = {
    "irm": [{"methods.irm.penalty": 0, "methods.irm.penalty_start": 0.3}],
}


def methods_of(search: str) -> list[str]:
    """The methods whose settings a search looks for: those of a section of the parameters."""
    return [name for name, row in METHODS.items() if row.section == search]


def results_of(variant: str, search: str, seed: int = 0) -> list[dict[str, Any]]:
    """The results of a search with a seed so far: settings, accuracies in percent, machine."""
    path = FOLDER / ON_ONE_VARIANT.get(search, variant) / f"{search}.json"
    found: list[dict[str, Any]] = read_json(path) if path.exists() else []
    return [result for result in found if result["seed"] == seed]


def configurations(search: str) -> list[Settings]:
    """All settings that a search tries."""
    knobs = SEARCH[search]
    grid = [dict(zip(knobs, values, strict=True)) for values in product(*knobs.values())]
    return [*grid, *(dict(zip(knobs, values, strict=True)) for values in WIDER.get(search, ()))]


def best(variant: str, search: str) -> list[Settings]:
    """The settings that the rules select in a search that has ended, else none."""
    knobs = SEARCH[search]
    chosen = [selected(variant, rule) for rule in RULES]
    own = [{key: of_rule[key] for key in knobs} for of_rule in chosen if knobs.keys() <= of_rule.keys()]
    return [settings for place, settings in enumerate(own) if settings not in own[:place]]


def selected(variant: str, rule: str = "training_environments") -> Settings:
    """The settings that a rule of `RULES` selects, of every method of `variant` whose search has ended.

    A search for several methods has one setting for all of them, that of the highest mean.
    """
    chosen: Settings = {}
    for search in SEARCH:
        if search not in unfinished(variant):
            results = _of_search(variant, search)
            chosen |= max(results, key=lambda result: _mean(result, RULES[rule]))["settings"]
    return chosen


def unfinished(variant: str) -> list[str]:
    """The searches of `variant` that have not tried all their settings."""
    return [each for each in SEARCH if len(_of_search(variant, each)) < len(configurations(each))]


def _of_search(variant: str, search: str) -> list[dict[str, Any]]:
    """The results of the settings that the search tries; controls and former settings are not among them."""
    settings = configurations(search)
    return [result for result in results_of(variant, search) if result["settings"] in settings]


def spread(variant: str, search: str, settings: Settings, measure: str) -> float | None:
    """The standard deviation over seeds of an accuracy with `settings`, or None with one seed."""
    found = [
        _mean(result, measure)
        for seed in SEEDS
        for result in results_of(variant, search, seed)
        if result["settings"] == settings
    ]
    return float(np.std(found, ddof=1)) if len(found) > 1 else None


def marks(variant: str, search: str, result: Mapping[str, Any]) -> str:
    """What the table says of a result: which rule selects it, or does not find it clearly worse."""
    settings, told = result["settings"], []
    if settings in CONTROLS.get(search, []):
        return "control"
    for rule, measure in RULES.items():
        of_rule, name = selected(variant, rule), rule.replace("_", " ")
        best = {key: of_rule[key] for key in settings if key in of_rule}
        if settings == best:
            told.append(f"selected by {name}")
        elif best:
            results = results_of(variant, search)
            highest = max(_mean(one, measure) for one in results if one["settings"] == best)
            width = spread(variant, search, best, measure)
            if width is not None and highest - _mean(result, measure) < width:
                told.append(f"not clearly worse by {name}")
    return ", ".join(told)


def _mean(result: Mapping[str, Any], measure: str) -> float:
    return float(np.mean([of_method[measure] for of_method in result["methods"].values()]))


def collect() -> None:
    """Writes the table of all results in `FOLDER`."""
    rows = []
    for variant, title in VARIANT_TITLES.items():
        for search in SEARCH:
            if ON_ONE_VARIANT.get(search, variant) != variant:
                continue
            for result in results_of(variant, search):
                settings = result["settings"].items()
                told = ", ".join(f"{key.rpartition('.')[2]} {json.dumps(value)}" for key, value in settings)
                for method, accuracies in result["methods"].items():
                    cells = [*accuracies.values(), marks(variant, search, result)]
                    rows.append([title, METHOD_TITLES[method], told, *cells])
    columns = ["variant", "method", "settings", "held out, %", "random cues, %", ""]
    table = pd.DataFrame(rows, columns=columns).to_markdown(index=False)
    with atomic_path(FOLDER / "tuning.md") as temporary:
        temporary.write_text(
            "# The search for the methods' settings\n\n`python -m experiments.tuning`. Two rules select: the"
            " highest accuracy on held-out digits under the training environments, and that on the same"
            " digits with random cues (several methods of one search: the mean). A setting is not clearly"
            " worse if its distance to the selected one is below the latter's standard deviation over three"
            " seeds. Control: no penalty, plain training on environments, never selected. The CGN's search on"
            f" Wildlife serves all variants.\n\n{table}\n",
            encoding="utf-8",
        )
