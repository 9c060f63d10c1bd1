"""MNIST at the paper's sizes: `python -m experiments.paper run SEED`, or `… collect` (see make paper).

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
from cgn.report.paper_runs import is_complete, markdown, read_results, run_of_all, summary, write_results
from cgn.report.run_facts import run_facts

PAPER = Path("reports/paper")
RESULTS = PAPER / "results"
DVC = [sys.executable, "-m", "dvc"]
# The values of params.yaml suit trainings of minutes. These suit longer ones: less of what keeps masks easy
# to read and alike, and on double-colored textures without a grain. Chosen on random-cue validation digits.
LONG_TRAINING = (
    "mnist.cgn.mismatch_weight=[0,0.6,0.2]",
    "mnist.cgn.texture_start.double_colored_mnist=plain",
    "mnist.adversarial.discriminator.gradient_penalty=[1.0,0.03]",
)

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def run(
    seed: int,
    variant: Annotated[list[str], typer.Option(help="only these variants")] = list(VARIANTS),  # noqa: B006
    set_param: Annotated[list[str], typer.Option("-S", help="further parameters, as of dvc exp run")] = [],  # noqa: B006
) -> None:
    """Run what has no result yet of SEED, a variant at a time, and keep its results."""
    if not Path(".git").exists():
        raise UserError("no Git repository here; DVC's experiments need one (git init, git add, git commit)")
    for name in variant:
        if name not in VARIANTS:
            raise UserError(f"--variant {name}: not one of {', '.join(VARIANTS)}")
        if not is_complete(RESULTS, name, seed):
            _run_experiment(name, seed, set_param)
            collect()
            continue
        kept = RESULTS / name / "run" / f"seed_{seed}.json"
        if read_json(kept)["settings"] != recorded(set_param):
            raise UserError(f"{kept}: its results have other settings; delete them to run with these")
        print(f"{name}, seed {seed}: has its results in {RESULTS}")


@app.command()
def collect() -> None:
    """Summarise all results in reports/paper/mnist.json and mnist.md."""
    results = read_results(RESULTS)
    found = summary(results, run_of_all(RESULTS))
    write_json(PAPER / "mnist.json", found)
    with atomic_path(PAPER / "mnist.md") as temporary:
        temporary.write_text(markdown(found))
    print(f"{len(results)} results; the summary is in {PAPER / 'mnist.json'} and mnist.md")


def _run_experiment(variant: str, seed: int, settings: list[str]) -> None:
    """One DVC experiment; what it has in common with earlier ones comes from DVC's cache."""
    scratch = Path(os.environ.get("CGN_SCRATCH", ".scratch/paper")).resolve() / f"seed_{seed}"
    experiment = f"paper-{variant.replace('_', '-')}-{seed}"
    commit = _commit()
    # An earlier experiment of this name, finished or not, gives way: its outputs are in the cache.
    subprocess.run([*DVC, "exp", "remove", experiment], capture_output=True)
    words = ["exp", "run", "--temp", "--name", experiment]
    changes = ["profile=paper", f"seed={seed}", *LONG_TRAINING, *settings]
    command = [*words, *(word for change in changes for word in ("-S", change)), f"score@{variant}"]
    process = subprocess.Popen([*DVC, *command], env=os.environ | {"CGN_SCRATCH": str(scratch)})
    try:
        status = process.wait()
    except KeyboardInterrupt:
        process.wait()  # DVC cleans up its copy
        raise UserError(f"{experiment}: interrupted; the same command goes on") from None
    if status != 0:
        raise UserError(f"{experiment}: failed (see above); once that is mended, the same command goes on")

    from dvc.api import exp_show, read

    (row,) = (
        row for row in exp_show(revs=[commit.removesuffix("-dirty")]) if row["Experiment"] == experiment
    )
    scores: dict[str, Any] = {
        name: json.loads(read(f"scores/mnist/{variant}/{name}.json", rev=experiment))
        for name in ("classifiers", "mechanisms")
    }
    # Its own stages, and those that all variants share.
    timings = [path for path in (scratch / "timings").glob("*.json") if _concerns(path.stem, variant)]
    seconds = [float(read_json(path)["seconds"]) for path in timings]
    facts = run_facts(row["profile"], int(row["seed"]), seconds)
    told = " ".join(f"-S '{change}'" for change in recorded(changes))
    facts |= {
        "command": f"dvc {' '.join(words)} {told} score@{variant}",
        "commit": commit,
        "settings": recorded(settings),
    }
    write_results(RESULTS, variant, seed, scores["classifiers"], scores["mechanisms"], facts)


def recorded(settings: list[str]) -> list[str]:
    """`settings` as they are kept: folders of this machine by their own name alone."""
    pairs = (setting.partition("=") for setting in settings)
    return [f"{key}=.../{Path(value).name}" if "/" in value else f"{key}={value}" for key, _, value in pairs]


def _concerns(timed: str, variant: str) -> bool:
    return "-" not in timed or timed.endswith(f"-{variant}")


def _commit() -> str:
    """The commit that the experiment starts from; "-dirty" when the working tree differs from it."""
    dirty = subprocess.run(["git", "status", "--porcelain", "--untracked-files=no"], capture_output=True)
    head = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
    return head.stdout.strip() + ("-dirty" if dirty.stdout else "")


if __name__ == "__main__":
    try:
        app()
    except UserError as error:
        sys.exit(f"paper: error: {error}")
