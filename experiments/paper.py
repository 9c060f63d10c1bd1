"""MNIST at the paper's sizes: `python -m experiments.paper run SEED`, or `… collect` (see make paper).

A variant of a seed is one DVC experiment. What has a result in reports/paper/results is not run again; a
run that was cut off goes on from its checkpoints ($CGN_SCRATCH, by default .scratch/paper) and the cache.
"""

import json
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from cgn.common.files import atomic_path, read_json, write_json
from cgn.errors import UserError
from cgn.report.names import VARIANTS
from cgn.report.paper_runs import (
    ALL,
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
    stage: Annotated[str | None, typer.Option(help="only the classifiers of this training stage")] = None,
    set_param: Annotated[list[str], typer.Option("-S", help="further parameters, as of dvc exp run")] = [],  # noqa: B006
) -> None:
    """Run what has no result yet of SEED, a variant at a time, and keep its results."""
    stages = training_stages()
    if stage is not None and stage not in stages:
        raise UserError(f"--stage {stage}: not one of {', '.join(stages)}")
    names = ALL if stage is None else stages[stage]
    for name in variant:
        if name not in VARIANTS:
            raise UserError(f"--variant {name}: not one of {', '.join(VARIANTS)}")
        _require_equal_settings(name, set_param)
        if is_complete(RESULTS, name, seed, names):
            files = "*" if stage is None else f"{{{','.join(names)}}}"
            again = f"rm {RESULTS / name}/{files}/seed_{seed}.json"
            print(f"{name}, seed {seed}: has its results; to run it again, {again}")
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
        temporary.write_text(markdown(found))
    print(f"{len(results)} results; the summary is in {PAPER / 'mnist.json'} and mnist.md")


def _run(variant: str, seed: int, stage: str | None, given: list[str]) -> None:
    scratch = Path(os.environ.get("CGN_SCRATCH", ".scratch/paper")) / f"seed_{seed}"
    settings = _settings(variant, given)
    changes = ["profile=paper", f"seed={seed}", *settings]
    name = f"paper-{variant.replace('_', '-')}-{seed}"
    of_stage = [] if stage is None else [f"--stage {stage}"]
    words = [f"run {seed} --variant {variant}", *of_stage, *(f"-S {setting}" for setting in recorded(given))]
    told = {"command": f"python -m experiments.paper {' '.join(words)}", "settings": recorded(settings)}
    if stage is None:
        outcome = run_experiment(name, variant, changes, scratch)
        scores = outcome.classifiers, outcome.mechanisms
        write_results(RESULTS, variant, seed, *scores, outcome.facts | told, outcome.digests)
    else:
        of_name = f"{name}-{stage.replace('_', '-')}"
        trained = run_training_stage(of_name, stage, variant, changes, scratch)
        run = trained.facts | told
        write_results_of_stage(RESULTS, variant, seed, stage, trained.accuracies, run, trained.digests)


def _settings(variant: str, given: list[str]) -> list[str]:
    """What a run changes of params.yaml: for long trainings, by the baselines' search, and as `given`.

    Keys of other variants are left out.
    """
    tuned = [f"{key}={json.dumps(value, separators=(',', ':'))}" for key, value in selected(variant).items()]
    others = set(VARIANTS) - {variant}
    settings = (*LONG_TRAINING, *tuned, *given)
    return [setting for setting in settings if others.isdisjoint(setting.partition("=")[0].split("."))]


def _require_equal_settings(variant: str, given: list[str]) -> None:
    """A mean over seeds is one of equal settings. Raises UserError when kept results have others."""
    asked = _but_sources(recorded(_settings(variant, given)))
    for kept in sorted((RESULTS / variant / "run").glob("*.json")):
        if _but_sources(read_json(kept)["settings"]) != asked:
            folder = RESULTS / variant
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
