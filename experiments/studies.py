"""Questions that the paper answers by one training, or not at all: `python -m experiments.studies NAME`.

A study tries every combination of its settings on every variant, with several seeds, at the sizes of
`profile`. A combination is one DVC experiment of the stage `train_on_generated`, whose accuracies are kept in
reports/studies/NAME at once; those with a result are not run again. reports/studies/NAME.md has means,
standard deviations and the differences between the settings with their intervals, NAME.svg the chart.
"""

import os
from collections.abc import Iterator, Mapping
from itertools import product
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer

from cgn.errors import UserError
from cgn.io.files import atomic_path, read_json, write_json
from cgn.params.reading import BUDGETS, read
from cgn.report.names import METHOD_TITLES, VARIANT_TITLES
from experiments.study_results import Result, chart, markdown
from experiments.training_stage import run_training_stage
from stages.command import run_command

FOLDER = Path("reports/studies")
STAGE = "train_on_generated"
Settings = list[str]  # as for -S; "{profile}" is replaced by the profile's file


class Axis(NamedTuple):
    """What is varied: its title, and the settings of each level by the level's name."""

    title: str
    levels: Mapping[str, Settings]


class Study(NamedTuple):
    """A question, and the combinations that answer it. In charts the first axis is horizontal."""

    question: str
    axes: tuple[Axis, ...]
    methods: tuple[str, ...]
    left_out: frozenset[tuple[str, str]] = frozenset()  # variants, and levels that they do not have

    def cells(self, variant: str) -> Iterator[tuple[str, ...]]:
        """The levels of each combination."""
        for cell in product(*(axis.levels for axis in self.axes)):
            if not any((variant, level) in self.left_out for level in cell):
                yield cell

    def settings(self, cell: tuple[str, ...], profile: str) -> Settings:
        """The settings of a combination at the sizes of a profile."""
        chosen = [axis.levels[level] for axis, level in zip(self.axes, cell, strict=True)]
        return [one.format(profile=f"{BUDGETS}/{profile}.yaml") for part in chosen for one in part]


def _images(count: int) -> Settings:
    shard = min(count, 10_000)
    return [
        f"{{profile}}:sample_counterfactuals.images={count}",
        f"{{profile}}:sample_counterfactuals.images_per_shard={shard}",
    ]


def _policy(ratio: int, noise: str) -> Settings:
    return [f"mnist.counterfactuals.ratio={ratio}", f"mnist.counterfactuals.noise={noise}"]


STUDIES = {
    "figure_7": Study(
        "Figure 7: do more counterfactuals help, and several for each noise (equal image passes)?",
        (
            Axis("counterfactuals", {f"{count:,}": _images(count) for count in (100, 1000, 10_000, 100_000)}),
            Axis("ratio", {str(ratio): [f"mnist.counterfactuals.ratio={ratio}"] for ratio in (1, 5, 10, 20)}),
        ),
        ("cgn", "cgn_only"),
        frozenset({("colored_mnist", "20")}),
    ),
    "interventional": Study(
        "Section 2.3: counterfactual images (ten share the noise of the shape, or all) or interventional?",
        (
            Axis(
                "noise",
                {
                    "interventional": _policy(1, "per_mechanism"),
                    "shape shared": _policy(10, "per_mechanism"),
                    "all shared": _policy(10, "shared"),
                },
            ),
        ),
        ("cgn", "cgn_only"),
    ),
    "real_share": Study(
        "Which share of each batch of Original + CGN should be real, biased images?",
        (
            Axis(
                "share of real images",
                {
                    f"{share:g}": [f"methods.cgn.real_share={share}"]
                    for share in (0.0, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0)
                },
            ),
        ),
        ("cgn",),
    ),
}


def main(
    study: Annotated[str, typer.Argument(help=", ".join(STUDIES))],
    seed: Annotated[list[int], typer.Option(help="these seeds")] = [0, 1, 2],  # noqa: B006
    variant: Annotated[list[str], typer.Option(help="only these")] = list(VARIANT_TITLES),  # noqa: B006
) -> None:
    """Run the combinations of STUDY that have no result yet, and write its table and chart."""
    if study not in STUDIES:
        raise UserError(f"{study}: not one of {', '.join(STUDIES)}")
    for name in variant:
        if name not in VARIANT_TITLES:
            raise UserError(f"--variant {name}: not one of {', '.join(VARIANT_TITLES)}")
    profile = read().profile
    scratch = Path(os.environ.get("CGN_SCRATCH", ".scratch/studies"))
    # Seed by seed, so that an interrupted study has all of its combinations for the first ones.
    for number, of in product(seed, variant):
        for cell in STUDIES[study].cells(of):
            path = result_path(study, of, cell, number)
            if not path.exists():
                settings = [f"seed={number}", *STUDIES[study].settings(cell, profile)]
                experiment = f"study-{path.relative_to(FOLDER).with_suffix('')}".replace("/", "-")
                trained = run_training_stage(
                    experiment.replace("_", "-"), STAGE, of, settings, scratch / f"seed_{number}"
                )
                accuracies = {method: trained.accuracies[method] for method in STUDIES[study].methods}
                write_json(path, {"accuracies": accuracies, "run": trained.facts})
                collect(study)
    collect(study)


def result_path(study: str, variant: str, cell: tuple[str, ...], seed: int) -> Path:
    """The file of one result; its name has the levels without what file systems and Git dislike."""
    name = "_".join("".join(sign for sign in level if sign.isalnum() or sign == ".") for level in cell)
    return FOLDER / study / variant / name.replace(".", "_") / f"seed_{seed}.json"


def results_of(study: str) -> list[Result]:
    """All results of a study that are there, in the order of its combinations."""
    found = []
    for variant in VARIANT_TITLES:
        for cell in STUDIES[study].cells(variant):
            for path in sorted(result_path(study, variant, cell, 0).parent.glob("seed_*.json")):
                kept: dict[str, Any] = read_json(path)
                for method in STUDIES[study].methods:
                    accuracy = kept["accuracies"][method]["test_accuracy"]
                    seed = int(path.stem.removeprefix("seed_"))
                    found.append(Result(variant, method, cell, seed, accuracy, kept["run"]))
    return found


def collect(study: str) -> None:
    """Writes table and chart of the results of a study, if there are any."""
    if not (results := results_of(study)):
        return
    titles = [axis.title for axis in STUDIES[study].axes]
    command = f"python -m experiments.studies {study}"
    text = markdown(STUDIES[study].question, command, titles, results, METHOD_TITLES)
    for ending, content in (("md", text), ("svg", chart(titles, results, METHOD_TITLES))):
        with atomic_path(FOLDER / f"{study}.{ending}") as temporary:
            temporary.write_text(content, encoding="utf-8")


if __name__ == "__main__":
    run_command("studies", {"studies": main})
