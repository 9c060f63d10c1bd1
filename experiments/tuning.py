"""Searches the methods' settings: `python -m experiments.tuning`, or for some of them `… irm lntl`.

Eight settings of each method and variant are tried, and then those next to a choice at the edge (`WIDER`).
Each is a run of the stage that trains the method, as a DVC experiment with a share of the profile's updates
(`SHARE`); one run tries a setting of each of the stage's methods. What is tried, and what the results select,
is in experiments/selection.py.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from ruamel.yaml import YAML

from cgn.data.sources import Images
from cgn.errors import UserError
from cgn.io.files import read_json, write_json
from cgn.methods.registry import METHODS
from cgn.metrics.accuracy import accuracy, predict
from cgn.networks.digit_cnn import DigitCNN
from cgn.params.reading import BUDGETS
from cgn.report.names import VARIANT_TITLES
from cgn.report.run_facts import machine
from experiments.experiment import run_target, scratch_of
from experiments.selection import (
    CONTROLS,
    FOLDER,
    ON_ONE_VARIANT,
    SEARCH,
    SEEDS,
    Settings,
    best,
    collect,
    configurations,
    methods_of,
    results_of,
)
from experiments.settings import overridden
from experiments.training_stage import ENVIRONMENTS, RANDOM_CUES, classifiers_of, held_out_images
from stages.command import run_command

SHARE = 1 / 4  # of the profile's updates, and of the CGN's steps: enough to tell settings apart
STAGES = [f"train_on_{data}" for data in ("biased", "environments", "gan_samples", "counterfactuals")]
Accuracies = dict[str, dict[str, float]]  # of each method, percent: held_out_accuracy, random_cue_accuracy


def main(
    method: Annotated[list[str], typer.Argument(help="only these")] = list(SEARCH),  # noqa: B006
    variant: Annotated[list[str], typer.Option(help="only these")] = list(VARIANT_TITLES),  # noqa: B006
    set_param: Annotated[list[str], typer.Option("-S", help="key=value, as of dvc exp run")] = [],  # noqa: B006
) -> None:
    """Train the settings that have no result yet, and keep each result as soon as it is known."""
    require_known(method, variant)
    given = ["profile=paper", *set_param]
    params = overridden(given)
    by = f"{machine()['processor']}, {params.device}"
    sizes = {
        "train_classifiers.updates": round(params.budgets.train_classifiers.updates * SHARE),
        "train_cgn.steps": round(params.budgets.train_cgn.steps * SHARE),
    }
    for of in variant:
        for stage in STAGES:
            searches = to_do(of, stage, method)
            for seed in SEEDS:
                for turn in turns(of, searches, seed):
                    own = dict(sizes)
                    for settings in turn.values():
                        own |= settings
                    asked = [*given, f"seed={seed}", *overrides(own, params.profile)]
                    trained = [name for search in turn for name in methods_of(search)]
                    found = measured(stage, of, trained, asked)
                    for search, settings in turn.items():
                        mine = {name: found[name] for name in methods_of(search)}
                        result = {"settings": settings, "seed": seed, "methods": mine, "machine": by}
                        path = FOLDER / of / f"{search}.json"
                        write_json(path, [*(read_json(path) if path.exists() else []), result])
                    collect()


def require_known(methods: Sequence[str], variants: Sequence[str]) -> None:
    """Raises UserError for a search or variant that does not exist."""
    for kind, names, known in (("METHOD", methods, SEARCH), ("--variant", variants, VARIANT_TITLES)):
        for name in names:
            if name not in known:
                raise UserError(f"{kind} {name}: not one of {', '.join(known)}")


def to_do(variant: str, stage: str, searches: Sequence[str]) -> list[str]:
    """Those of `searches` on `variant` that a stage trains and that lack results."""
    return [
        search
        for search in searches
        if stage_of(search) == stage and ON_ONE_VARIANT.get(search, variant) == variant
        if any(turn for seed in SEEDS for turn in turns(variant, [search], seed))
    ]


def overrides(settings: Settings, profile: str) -> list[str]:
    """The -S of `settings`: "file:key=value", with the file of the profile for keys that it has."""
    name = f"{BUDGETS}/{profile}.yaml"
    own = YAML(typ="safe").load(Path(name).read_text(encoding="utf-8"))
    return [
        f"{f'{name}:' if _has(own, key) else ''}{key}={json.dumps(value)}" for key, value in settings.items()
    ]


def _has(values: Any, key: str) -> bool:
    first, _, rest = key.partition(".")
    return first in values and (not rest or (isinstance(values[first], dict) and _has(values[first], rest)))


def stage_of(search: str) -> str:
    """The stage that trains the methods of a search."""
    return f"train_on_{METHODS[methods_of(search)[0]].data}"


def turns(variant: str, searches: Sequence[str], seed: int = 0) -> Iterator[dict[str, Settings]]:
    """For one run of a stage after another: the settings without a result that each search tries."""
    todo = []
    for search in searches:
        known = [result["settings"] for result in results_of(variant, search, seed)]
        wanted = [*configurations(search), *CONTROLS.get(search, ())] if seed == 0 else best(variant, search)
        todo.append([(search, settings) for settings in wanted if settings not in known])
    for turn in zip_longest(*todo):
        yield dict(one for one in turn if one is not None)


def measured(stage: str, variant: str, methods: Sequence[str], settings: list[str]) -> Accuracies:
    """What `methods` reach on held-out digits when the stage of `variant` runs with `settings`."""
    params = overridden(settings)
    experiment = f"tuning-{variant}-{stage}".replace("_", "-")
    scratch = scratch_of("tuning") / variant
    run_target(experiment, f"{stage}@{variant}", settings, scratch)
    held_out = held_out_images(experiment, variant, params)
    return {
        method: _accuracies(classifier, held_out)
        for method, classifier in classifiers_of(experiment, variant, methods, params).items()
    }


def _accuracies(classifier: DigitCNN, held_out: Mapping[float, Images]) -> dict[str, float]:
    found = {
        correlation: accuracy(predict(classifier, images.images), images.labels)
        for correlation, images in held_out.items()
    }
    mean = float(np.mean([found[correlation] for correlation in ENVIRONMENTS]))
    return {"held_out_accuracy": round(mean, 3), "random_cue_accuracy": round(found[RANDOM_CUES], 2)}


if __name__ == "__main__":
    run_command("tuning", {"tuning": main})
