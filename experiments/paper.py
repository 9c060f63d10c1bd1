"""MNIST at the paper's sizes: `python -m experiments.paper run SEED`, or `… collect` (see make paper).

A variant of a seed is one DVC experiment, whole or, with --stage, one training stage. What has a result in
reports/paper/results is not run again; a run that was cut off goes on from its checkpoints ($CGN_SCRATCH, by
default .scratch/paper) and the cache.
"""

import json
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from cgn.errors import UserError
from cgn.io.files import atomic_path, read_json, write_json
from cgn.report.names import VARIANTS
from cgn.report.paper_runs import (
    RUN_FILES,
    STAGE_RUN_FILES,
    WHOLE_RUN,
    is_complete,
    markdown,
    read_results,
    run_of_all,
    summary,
    write_results,
    write_results_of_stage,
)
from experiments.experiment import recorded, run_experiment
from experiments.training_stage import run_training_stage, training_stages
from experiments.tuning import selected

PAPER = Path("reports/paper")
RESULTS = PAPER / "results"
# The values of params.yaml suit trainings of minutes. These suit longer ones: less of what keeps masks easy
# to read and alike, on double-colored textures without a grain, and on Wildlife abduction with the
# backgrounds of real images. Chosen on random-cue validation digits.
LONG_TRAINING = (
    "mnist.abduction.backgrounds.wildlife_mnist=observed",
    "mnist.cgn.mismatch_weight=[0,0.6,0]",
    "mnist.cgn.texture_start.double_colored_mnist=plain",
    "mnist.adversarial.discriminator.gradient_penalty=[1.0,0.03]",
)

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def run(
    seed: int,
    variant: Annotated[list[str], typer.Option(help="only these variants")] = list(VARIANTS),  # noqa: B006
    stage: Annotated[str | None, typer.Option(help="only this training stage, and what it needs")] = None,
    set_param: Annotated[list[str], typer.Option("-S", help="further parameters, as of dvc exp run")] = [],  # noqa: B006
) -> None:
    """Run what has no result yet of SEED, a variant at a time, and keep its results."""
    for name in variant:
        if name not in VARIANTS:
            raise UserError(f"--variant {name}: not one of {', '.join(VARIANTS)}")
    names = WHOLE_RUN if stage is None else _methods_of(stage)
    for name in variant:
        _require_equal_settings(name, set_param)
        if is_complete(RESULTS, name, seed, names):
            files = ["*"] if stage is None else names
            again = " ".join(f"{RESULTS / name / of}/seed_{seed}.json" for of in files)
            print(f"{name}, seed {seed}: has its results; to run it again, rm {again}")
        else:
            _run(name, seed, stage, set_param)
            collect()


@app.command()
def collect() -> None:
    """Summarise all results in reports/paper/mnist.json and mnist.md."""
    results = read_results(RESULTS)
    found = summary(results, run_of_all(RESULTS))
    write_json(PAPER / "mnist.json", found)
    with atomic_path(PAPER / "mnist.md") as temporary:
        temporary.write_text(markdown(found), encoding="utf-8")
    print(f"{len(results)} results; the summary is in {PAPER / 'mnist.json'} and mnist.md")


def _methods_of(stage: str) -> list[str]:
    stages = training_stages()
    if stage not in stages:
        raise UserError(f"--stage {stage}: not one of {', '.join(stages)}")
    return stages[stage]


def _run(variant: str, seed: int, stage: str | None, given: list[str]) -> None:
    scratch = Path(os.environ.get("CGN_SCRATCH", ".scratch/paper")) / f"seed_{seed}"
    settings = _settings(variant, given)
    changes = ["profile=paper", f"seed={seed}", *settings]
    parts = ["paper", variant, str(seed)] + ([stage] if stage else [])
    experiment = "-".join(parts).replace("_", "-")
    options = [f"--variant {variant}"] + ([f"--stage {stage}"] if stage else [])
    words = [*options, *(f"-S {setting}" for setting in recorded(given))]
    asked = {
        "command": f"python -m experiments.paper run {seed} {' '.join(words)}",
        "settings": recorded(settings),
    }
    if stage is None:
        outcome = run_experiment(experiment, variant, changes, scratch)
        scores = outcome.classifiers, outcome.mechanisms
        write_results(RESULTS, variant, seed, *scores, outcome.facts | asked, outcome.digests)
    else:
        trained = run_training_stage(experiment, stage, variant, changes, scratch)
        facts = trained.facts | asked
        write_results_of_stage(RESULTS, variant, seed, stage, trained.accuracies, facts, trained.digests)


def _settings(variant: str, given: list[str]) -> list[str]:
    """What a run changes of params.yaml: for long trainings, by the baselines' search, and as `given`.

    Keys of other variants are left out.
    """
    tuned = [f"{key}={json.dumps(value, separators=(',', ':'))}" for key, value in selected(variant).items()]
    others = set(VARIANTS) - {variant}
    settings = (*LONG_TRAINING, *tuned, *given)
    return [setting for setting in settings if others.isdisjoint(setting.partition("=")[0].split("."))]


def _require_equal_settings(variant: str, given: list[str]) -> None:
    """A mean over seeds is one of equal settings. Raises UserError when kept results have others.

    Compared is what a run changes of params.yaml. Who edits that file, moves the results away.
    """
    asked = _but_sources(recorded(_settings(variant, given)))
    folder = RESULTS / variant
    for kept in (*sorted(folder.glob(RUN_FILES)), *sorted(folder.glob(STAGE_RUN_FILES))):
        if _but_sources(read_json(kept)["settings"]) != asked:
            raise UserError(f"{kept}: its results have other settings; move {folder} away to run with these")


def _but_sources(settings: list[str]) -> list[str]:
    """Without those that tell where digits and textures lie, which every machine has elsewhere."""
    sources = [f"budgets.paper.{of}.{key}=" for of in ("digits", "textures") for key in ("source", "folder")]
    return [setting for setting in settings if not setting.startswith(tuple(sources))]


if __name__ == "__main__":
    try:
        app()
    except UserError as error:
        sys.exit(f"paper: error: {error}")
