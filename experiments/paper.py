"""MNIST at the paper's sizes: `python -m experiments.paper run SEED`, or `… collect` (see make paper).

A variant of a seed is one DVC experiment of the profile `paper` (or `released`, with --profile), with all
stages or, with --stage, some. Runs with results in reports/paper/results (or
reports/paper/released) are not repeated. An interrupted run resumes from its checkpoints ($CGN_SCRATCH, by
default .scratch) and the cache.
"""

from pathlib import Path
from typing import Annotated, Any

import typer

from cgn.errors import UserError
from cgn.generators.mnist.mechanisms import CGN
from cgn.generators.mnist.stored import load_cgn, save_generator
from cgn.io.files import atomic_path, write_json
from cgn.params.schema import Params
from cgn.report.names import METHOD_TITLES, VARIANT_TITLES
from cgn.report.paper_runs import (
    WHOLE_RUN,
    differences,
    is_complete,
    markdown,
    read_results,
    run_of_all,
    summary,
    write_parameters,
    write_results,
    write_results_of_stage,
)
from experiments.experiment import mechanisms_of, recorded, run_experiment, scratch_of
from experiments.selection import selected, unfinished
from experiments.settings import effective_parameters, overridden
from experiments.training_stage import run_training_stages, training_stages
from experiments.tuning import overrides
from stages.command import run_command

PAPER = Path("reports/paper")
RESULTS = PAPER / "results"
RELEASED = PAPER / "released"
FOLDERS = {"paper": RESULTS, "released": RELEASED}  # of the results, by profile
RANDOM_CUES = PAPER / "random_cues"  # results with settings that digits under random cues selected


def run(
    seed: int,
    variant: Annotated[list[str], typer.Option(help="only these variants")] = list(VARIANT_TITLES),  # noqa: B006
    stage: Annotated[list[str], typer.Option(help="only these, and what they need")] = [],  # noqa: B006
    set_param: Annotated[list[str], typer.Option("-S", help="further parameters, as of dvc exp run")] = [],  # noqa: B006
    profile: Annotated[str, typer.Option(help="paper, or released: the released code's protocol")] = "paper",
) -> None:
    """Run the variants of SEED that have no result yet, one after the other, and keep their results."""
    for name in variant:
        if name not in VARIANT_TITLES:
            raise UserError(f"--variant {name}: not one of {', '.join(VARIANT_TITLES)}")
    if profile not in FOLDERS:
        raise UserError(f"--profile {profile}: not one of {', '.join(FOLDERS)}")
    results = FOLDERS[profile]
    methods = [name for one in stage for name in _scored_by(one)] or [*METHOD_TITLES, "mechanisms"]
    settings = [f"profile={profile}", f"seed={seed}", *set_param]
    params, of_profile = overridden(settings), overridden(settings[:2])
    for name in variant:
        # What was kept before the profile changed; a whole run adds nothing to it.
        older = differences(results, name, _parameters(of_profile, name, methods)) if not stage else {}
        if older:
            print(f"{name}: the kept results of {', '.join(older)} have former parameters; a run adds none")
        parameters = _parameters(params, name, [method for method in methods if method not in older])
        _require_equal(results, name, parameters)
        whole = [of for of in WHOLE_RUN if of not in older]
        if is_complete(results, name, seed, methods if stage else whole):
            files = methods if stage else ["*"]
            again = " ".join(f"{results / name / of}/seed_{seed}.json" for of in files)
            print(f"{name}, seed {seed}: has its results; to run it again, rm {again}")
        else:
            _run(profile, name, seed, stage, settings, set_param, parameters)
            collect()


def random_cues(
    seed: int,
    variant: Annotated[list[str], typer.Option(help="only these variants")] = list(VARIANT_TITLES),  # noqa: B006
    set_param: Annotated[list[str], typer.Option("-S", help="further parameters, as of dvc exp run")] = [],  # noqa: B006
) -> None:
    """Train the methods for which digits under random cues select other settings than the profile has."""
    settings = ["profile=paper", f"seed={seed}", *set_param]
    for name in variant:
        if searches := unfinished(name):
            again = f"run python -m experiments.tuning {' '.join(searches)} first"
            raise UserError(f"{name}: the search of {', '.join(searches)} has not ended; {again}")
        own = [*settings, *overrides(selected(name, "random_cues"), "paper")]
        params, others = overridden(settings), overridden(own)
        changed = {
            method: asked
            for method in METHOD_TITLES
            if (asked := effective_parameters(others, name, method))
            != effective_parameters(params, name, method)
        }
        _require_equal(RANDOM_CUES, name, changed)
        for stage, trained in training_stages().items():
            methods = [method for method in trained if method in changed]
            if methods and not is_complete(RANDOM_CUES, name, seed, methods):
                scratch = scratch_of("paper") / f"seed_{seed}"
                experiment = "-".join(["random-cues", name, str(seed), stage]).replace("_", "-")
                outcome = run_training_stages(experiment, [stage], name, own, scratch)
                facts = outcome.facts | {"command": f"python -m experiments.paper random-cues {seed}"}
                kept = {method: outcome.accuracies[method] for method in methods}
                write_parameters(RANDOM_CUES, name, {method: changed[method] for method in methods})
                write_results_of_stage(RANDOM_CUES, name, seed, stage, kept, facts, outcome.digests)
                collect()


def collect() -> None:
    """Summarise all results in reports/paper/mnist.json and mnist.md."""
    results = read_results(RESULTS)
    found = summary(results, run_of_all(RESULTS))
    if any(RELEASED.rglob("seed_*.json")):
        found["released"] = summary(read_results(RELEASED), run_of_all(RELEASED))
    if any(RANDOM_CUES.rglob("seed_*.json")):
        found["random_cues"] = summary(read_results(RANDOM_CUES), run_of_all(RANDOM_CUES))
    write_json(PAPER / "mnist.json", found)
    with atomic_path(PAPER / "mnist.md") as temporary:
        temporary.write_text(markdown(found), encoding="utf-8")
    print(f"{len(results)} results; the summary is in {PAPER / 'mnist.json'} and mnist.md")


def ship(models: Path = Path("models/mnist/cgn"), out: Path = Path("weights/mnist/paper")) -> None:
    """Copy the trained CGNs in MODELS to OUT in half precision, below 2 MB each, for `cgn draw`."""
    for variant in VARIANT_TITLES:
        trained = load_cgn(models / variant)
        assert isinstance(trained, CGN)
        halves = {name: tensor.half() for name, tensor in trained.state_dict().items()}
        save_generator(out / variant, halves, trained.config)


def _parameters(params: Params, variant: str, methods: list[str]) -> dict[str, dict[str, Any]]:
    """The parameters that the results of each method depend on."""
    return {method: effective_parameters(params, variant, method) for method in methods}


def _scored_by(stage: str) -> list[str]:
    """The methods that a stage trains, or "mechanisms". Raises UserError for another stage."""
    stages = training_stages() | {"score_mechanisms": ["mechanisms"]}
    if stage not in stages:
        raise UserError(f"--stage {stage}: not one of {', '.join(stages)}")
    return stages[stage]


def _run(
    profile: str,
    variant: str,
    seed: int,
    stages: list[str],  # none: all
    settings: list[str],
    given: list[str],
    parameters: dict[str, dict[str, Any]],
) -> None:
    """Runs a variant with `settings`, of which `given` are recorded, and keeps its results."""
    scratch = scratch_of("paper") / f"seed_{seed}"
    results, experiment = FOLDERS[profile], "-".join([profile, variant, str(seed), *stages]).replace("_", "-")
    options = [f"--variant {variant}", *(f"--stage {stage}" for stage in stages)]
    options += [] if profile == "paper" else [f"--profile {profile}"]
    words = [*options, *(f"-S {setting}" for setting in recorded(given))]
    asked = {"command": f"python -m experiments.paper run {seed} {' '.join(words)}"}
    if not stages:
        outcome = run_experiment(experiment, variant, settings, scratch)
        write_parameters(results, variant, parameters)
        scores = outcome.classifiers, outcome.mechanisms
        facts = outcome.facts | asked
        write_results(results, variant, seed, *scores, facts, outcome.digests, parameters)
        return
    made = run_training_stages(experiment, stages, variant, settings, scratch)
    write_parameters(results, variant, parameters)
    found: dict[str, Any] = dict(made.accuracies)
    if "mechanisms" in parameters:
        found["mechanisms"] = mechanisms_of(experiment, variant)
    for stage in stages:
        of_stage = {name: found[name] for name in _scored_by(stage)}
        write_results_of_stage(results, variant, seed, stage, of_stage, made.facts | asked, made.digests)


def _require_equal(results: Path, variant: str, parameters: dict[str, dict[str, Any]]) -> None:
    """Raises UserError when kept results have other parameters, since means over seeds need equal ones."""
    if found := differences(results, variant, parameters):
        told = "; ".join(f"{name}: {difference}" for name, difference in found.items())
        folders = " ".join(str(results / variant / name) for name in found)
        raise UserError(f"results of other parameters: {told}; move them away to run with these: {folders}")


if __name__ == "__main__":
    run_command("paper", {"run": run, "random-cues": random_cues, "collect": collect, "ship": ship})
