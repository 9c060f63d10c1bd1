"""MNIST at the paper's sizes: `python -m experiments.paper run SEED` and `… collect` (see make paper).

A variant of a seed is one DVC experiment in a temporary copy: the workspace's lock and metrics stay those of
`laptop`. What has a result in reports/paper/results is not run again; a run that was cut off goes on from its
checkpoints (in $CGN_SCRATCH, by default .scratch/paper) and from DVC's cache.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from cgn.common.files import atomic_path, read_json, write_json
from cgn.errors import UserError
from cgn.report.names import VARIANTS
from cgn.report.paper_runs import is_complete, markdown, read_results, summary, write_results
from cgn.report.run_facts import run_facts

PAPER = Path("reports/paper")
RESULTS = PAPER / "results"

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def run(
    seed: int,
    variant: Annotated[list[str], typer.Option(help="only these variants")] = list(VARIANTS),  # noqa: B006
    set_param: Annotated[list[str], typer.Option("-S", help="further parameters, as of dvc exp run")] = [],  # noqa: B006
) -> None:
    """Run what has no result yet of SEED, a variant at a time, and keep its results."""
    for name in variant:
        if is_complete(RESULTS, name, seed):
            print(f"{name}, seed {seed}: has its results in {RESULTS}")
            continue
        scratch = Path(os.environ.get("CGN_SCRATCH", ".scratch/paper")).resolve() / f"seed_{seed}"
        experiment = f"paper-{name.replace('_', '-')}-{seed}"
        settings = ["profile=paper", f"seed={seed}", *set_param]
        words = ["dvc", "exp", "run", "--temp", "--force", "--name", experiment]
        words += [word for setting in settings for word in ("-S", setting)]
        words.append(f"score@{name}")
        environment = os.environ | {"CGN_SCRATCH": str(scratch)}
        if subprocess.run(words, env=environment).returncode != 0:
            raise UserError(f"{experiment}: stopped; run the same command again, and it goes on")
        _keep(experiment, name, seed, scratch, " ".join(words))
        collect()


@app.command()
def collect() -> None:
    """Take up finished experiments and summarise all results in reports/paper/mnist.json and mnist.md."""
    _take_up_finished()
    results = read_results(RESULTS)
    runs = [read_json(path) for path in sorted(RESULTS.glob("*/run/seed_*.json"))]
    facts = runs[-1] | {"wall_time_seconds": round(sum(r["wall_time_seconds"] for r in runs) / len(runs), 1)}
    found = summary(results, facts)
    write_json(PAPER / "mnist.json", found)
    with atomic_path(PAPER / "mnist.md") as temporary:
        temporary.write_text(markdown(found))
    print(f"{len(results)} results; the summary is in {PAPER / 'mnist.json'} and mnist.md")


def _take_up_finished() -> None:
    """Results of experiments that ended after the command that started them was cut off."""
    from dvc.api import exp_show

    for row in exp_show(num=-1):
        name = row.get("Experiment") or ""
        if not name.startswith("paper-"):
            continue
        variant, seed = name.removeprefix("paper-").rpartition("-")[0].replace("-", "_"), int(row["seed"])
        if not is_complete(RESULTS, variant, seed):
            scratch = Path(os.environ.get("CGN_SCRATCH", ".scratch/paper")).resolve() / f"seed_{seed}"
            _keep(name, variant, seed, scratch, f"dvc exp apply {name}")


def _keep(experiment: str, variant: str, seed: int, scratch: Path, command: str) -> None:
    """Read the scores of an experiment from DVC's cache and write them as results."""
    from dvc.api import read

    scores: dict[str, Any] = {
        name: json.loads(read(f"scores/mnist/{variant}/{name}.json", rev=experiment))
        for name in ("classifiers", "mechanisms")
    }
    seconds = [
        json.loads(path.read_text())["seconds"] for path in (scratch / "timings").glob(f"*-{variant}.json")
    ]
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True)
    facts = run_facts("paper", seed, seconds) | {"command": command, "commit": commit.stdout.strip()}
    write_results(RESULTS, variant, seed, scores["classifiers"], scores["mechanisms"], facts)


if __name__ == "__main__":
    try:
        app()
    except UserError as error:
        sys.exit(f"paper: error: {error}")
