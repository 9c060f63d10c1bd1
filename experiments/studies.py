"""Questions that the paper answers by one training, or not at all: `python -m experiments.studies NAME`.

A study (experiments/study_grids.py) tries every combination of its settings on every variant, with several
seeds, at the sizes of `profile`. A combination is one DVC experiment of the stages that train its methods.
The accuracies are kept in reports/studies/NAME at once; combinations with a result are not run again.
reports/studies/NAME.md has means, standard deviations and the differences between the settings with their
intervals, NAME.svg the chart.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from cgn.errors import UserError
from cgn.io.files import atomic_path, read_json, write_json
from cgn.metrics.accuracy import accuracy, predict
from cgn.report.names import METHOD_TITLES, VARIANT_TITLES
from experiments.experiment import recorded, require_equal_runs, scratch_of
from experiments.settings import overridden
from experiments.study_chart import Part, chart
from experiments.study_grids import STUDIES, Study
from experiments.study_results import Result, markdown
from experiments.training_stage import (
    RANDOM_CUES,
    classifiers_of,
    held_out_images,
    run_training_stages,
    training_stages,
)
from stages.command import run_command

FOLDER = Path("reports/studies")
SEEDS = (0, 1, 2)


def main(
    study: Annotated[str, typer.Argument(help=", ".join(STUDIES))],
    seed: Annotated[list[int], typer.Option(help="these seeds")] = list(SEEDS),  # noqa: B006
    variant: Annotated[list[str], typer.Option(help="only these")] = list(VARIANT_TITLES),  # noqa: B006
    set_param: Annotated[list[str], typer.Option("-S", help="key=value, as of dvc exp run")] = [],  # noqa: B006
) -> None:
    """Run the combinations of STUDY that have no result yet, and write its table and chart."""
    asked = study_named(study)
    for name in variant:
        if name not in VARIANT_TITLES:
            raise UserError(f"--variant {name}: not one of {', '.join(VARIANT_TITLES)}")
    given = [*([f"profile={asked.profile}"] if asked.profile else []), *set_param]
    profile = overridden(given).profile
    require_equal_runs((FOLDER / study).rglob("seed_*.json"), profile, given)
    # Seed by seed, so that an interrupted study has all of its combinations for the first ones.
    for number in seed:
        for of in (one for one in asked.variants if one in variant):
            for cell in missing(study, of, [number]):
                shared = [f"seed={number}", *given]
                found = measured(study, of, number, [*asked.settings(cell, profile), *shared])
                write_json(result_path(study, of, cell, number), found | {"settings": recorded(shared)})
                collect(study)
    collect(study)


def study_named(name: str) -> Study:
    """The study of that name. Raises UserError for an unknown name."""
    if name not in STUDIES:
        raise UserError(f"{name}: not one of {', '.join(STUDIES)}")
    return STUDIES[name]


def missing(study: str, variant: str, seeds: Iterable[int]) -> list[tuple[str, ...]]:
    """The combinations of a variant that lack a result of one of `seeds`."""
    return [
        cell
        for number in seeds
        for cell in STUDIES[study].cells(variant, first_seed=number == SEEDS[0])
        if not result_path(study, variant, cell, number).exists()
    ]


def measured(study: str, variant: str, seed: int, settings: list[str]) -> dict[str, Any]:
    """The accuracies in percent of a study's methods when trained with `settings`, and the run.

    `random_cues_accuracy` is of validation digits under random cues.
    """
    methods, params = STUDIES[study].methods, overridden(settings)
    stages = [stage for stage, trained in training_stages().items() if set(trained) & set(methods)]
    experiment = f"study-{study}-{variant}-{seed}".replace("_", "-")
    scratch = scratch_of("studies") / experiment
    trained = run_training_stages(experiment, stages, variant, settings, scratch)
    digits = held_out_images(experiment, variant, params)[RANDOM_CUES]
    classifiers = classifiers_of(experiment, variant, methods, params)
    accuracies = {
        method: trained.accuracies[method]
        | {"random_cues_accuracy": accuracy(predict(classifier, digits.images), digits.labels)}
        for method, classifier in classifiers.items()
    }
    return {"accuracies": accuracies, "run": trained.facts}


def result_path(study: str, variant: str, cell: tuple[str, ...], seed: int) -> Path:
    """The file of one result; its name has the levels without what file systems and Git dislike."""
    name = "_".join("".join(sign for sign in level if sign.isalnum() or sign == ".") for level in cell)
    return FOLDER / study / variant / name.replace(".", "_") / f"seed_{seed}.json"


def results_of(study: str) -> list[Result]:
    """All results of a study that are there, in the order of its combinations."""
    found = []
    for variant in STUDIES[study].variants:
        for cell in STUDIES[study].cells(variant):
            for path in sorted(result_path(study, variant, cell, 0).parent.glob("seed_*.json")):
                kept: dict[str, Any] = read_json(path)
                for method in STUDIES[study].methods:
                    test, held_out = (
                        kept["accuracies"][method][f"{of}_accuracy"] for of in ("test", "random_cues")
                    )
                    seed = int(path.stem.removeprefix("seed_"))
                    found.append(Result(variant, method, cell, seed, test, held_out, kept["run"]))
    return found


def collect(study: str) -> None:
    """Writes table and chart of the results of a study, if there are any."""
    if not (results := results_of(study)):
        return
    asked = STUDIES[study]
    text = markdown(asked, f"python -m experiments.studies {study}", results)
    figure = asked.figure or study
    parts = [
        Part([axis.title for axis in other.axes], own)
        for name, other in STUDIES.items()
        if (other.figure or name) == figure and (own := results_of(name))
    ]
    drawn = chart(parts, METHOD_TITLES)
    for name, content in ((f"{study}.md", text), (f"{figure}.svg", drawn)):
        with atomic_path(FOLDER / name) as temporary:
            temporary.write_text(content, encoding="utf-8")


if __name__ == "__main__":
    run_command("studies", {"studies": main})
