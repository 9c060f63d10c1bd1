"""Searches the baselines' settings: `python -m experiments.tuning`, or for some of them `… irm lntl`.

At most eight settings of each method and variant are tried. Each is a run of the stage that trains the
method, as a DVC experiment on a share of the profile's image passes (`SHARES`); one run tries a setting of
each of the stage's methods. Selected is the setting with the highest accuracy on held-out digits in the
paper's five training environments, whose correlations of cue and label are 0.9 to 1. Test digits are not
used. The accuracy on the same digits with random cues is reported, to show what a search could reach at
best, but not used. The selected settings are in budgets/paper.yaml; a test compares the two. The search of
`gan` is the longest: its stage also trains the methods on counterfactuals, which must exist.
"""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from itertools import product, zip_longest
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
import typer

from cgn.data.mnist.variants import VARIANTS, environment
from cgn.data.sources import Images
from cgn.errors import UserError
from cgn.io.files import atomic_path, read_json, write_json
from cgn.methods.registry import METHODS
from cgn.metrics.accuracy import accuracy, predict
from cgn.networks.digit_cnn import DigitCNN
from cgn.params.reading import BUDGETS
from cgn.params.schema import Params
from cgn.report.names import METHOD_TITLES, VARIANT_TITLES
from cgn.report.run_facts import machine
from experiments.experiment import run_target
from experiments.settings import overridden
from experiments.training_stage import arrays_of, classifiers_of
from stages.command import run_command

FOLDER = Path("reports/tuning")
ENVIRONMENTS = (0.9, 0.925, 0.95, 0.975, 1.0)  # correlations of cue and label (appendix C.4)
RANDOM_CUES = 0.0
# Of the profile's image passes, by stage: 150,000 and 250,000 of `paper`, enough to tell settings apart.
SHARES = {"train_on_biased": 1 / 4, "train_on_environments": 5 / 12, "train_on_generated": 1 / 4}
Settings = dict[str, Any]  # key of the profile's file -> value
Accuracies = dict[str, dict[str, float]]  # of each method, percent: held_out_accuracy, random_cue_accuracy

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
    params = overridden(given)
    of_profile = f"{BUDGETS}/{params.profile}.yaml"
    by = f"{machine()['processor']}, {params.device}"
    for of in variant:
        for stage, share in SHARES.items():
            passes = round(params.budgets.train_classifiers.image_passes * share)
            searches = [name for name in method if f"train_on_{METHODS[methods_of(name)[0]].data}" == stage]
            for turn in turns(of, searches):
                own = {"train_classifiers.image_passes": passes}
                for settings in turn.values():
                    own |= settings
                asked = [*given, *(f"{of_profile}:{key}={json.dumps(value)}" for key, value in own.items())]
                trained = [name for search in turn for name in methods_of(search)]
                found = measured(stage, of, trained, asked)
                for search, settings in turn.items():
                    mine = {name: found[name] for name in methods_of(search)}
                    mean = float(np.mean([of_method["held_out_accuracy"] for of_method in mine.values()]))
                    result = {"settings": settings, "held_out_accuracy": round(mean, 3), "methods": mine}
                    write_json(
                        FOLDER / of / f"{search}.json", [*results_of(of, search), result | {"machine": by}]
                    )
                collect()


def methods_of(search: str) -> list[str]:
    """The methods whose settings a search looks for: those of a section of the parameters."""
    return [name for name, row in METHODS.items() if row.section == search]


def turns(variant: str, searches: Sequence[str]) -> Iterator[dict[str, Settings]]:
    """For one run of a stage after another: the settings without a result that each search tries."""
    todo = []
    for search in searches:
        known = [result["settings"] for result in results_of(variant, search)]
        wanted = [*configurations(search), *CONTROLS.get(search, ())]
        todo.append([(search, settings) for settings in wanted if settings not in known])
    for turn in zip_longest(*todo):
        yield dict(one for one in turn if one is not None)


def measured(stage: str, variant: str, methods: Sequence[str], settings: list[str]) -> Accuracies:
    """What `methods` reach on held-out digits when the stage of `variant` runs with `settings`."""
    params = overridden(settings)
    experiment = f"tuning-{variant}-{stage}".replace("_", "-")
    scratch = Path(os.environ.get("CGN_SCRATCH", ".scratch")) / "tuning" / variant
    run_target(experiment, f"{stage}@{variant}", settings, scratch)
    held_out = held_out_images(experiment, variant, params)
    released = params.mnist.classifier.network == "released"
    return {
        method: _accuracies(classifier, held_out)
        for method, classifier in classifiers_of(experiment, variant, methods, released).items()
    }


def held_out_images(experiment: str, variant: str, params: Params) -> dict[float, Images]:
    """The validation digits of an experiment under cues of each correlation."""
    digits = arrays_of(experiment, "digits")
    textures = arrays_of(experiment, "textures") if VARIANTS[variant].textured else None
    own, seed = getattr(params.mnist.variants, variant), params.seed
    shapes, labels = digits["validation_images"], digits["validation_labels"]

    def under(correlation: float) -> Images:
        draw = ("validation", str(correlation))
        return Images(environment(variant, shapes, labels, correlation, own, textures, seed, *draw), labels)

    return {correlation: under(correlation) for correlation in (*ENVIRONMENTS, RANDOM_CUES)}


def _accuracies(classifier: DigitCNN, held_out: Mapping[float, Images]) -> dict[str, float]:
    found = {
        correlation: accuracy(predict(classifier, images.images), images.labels)
        for correlation, images in held_out.items()
    }
    mean = float(np.mean([found[correlation] for correlation in ENVIRONMENTS]))
    return {"held_out_accuracy": round(mean, 3), "random_cue_accuracy": round(found[RANDOM_CUES], 2)}


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
    run_command("tuning", {"tuning": main})
