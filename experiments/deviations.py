"""Measures the effect of each deviation from the paper: one DVC experiment switches back one deviation.

`python -m experiments.deviations` runs the experiments without result in reports/deviations, at the sizes of
`profile`, and writes reports/deviations/deviations.md. docs/deviations.md gives the reasons of the
deviations.
"""

import os
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import pandas as pd
import typer

from cgn.errors import UserError
from cgn.io.files import atomic_path, read_json, write_json
from cgn.params.reading import BUDGETS, read
from cgn.report.names import VARIANT_TITLES
from experiments.experiment import Outcome, run_experiment
from stages.command import run_command

FOLDER = Path("reports/deviations")
HARD = ("double_colored_mnist", "wildlife_mnist")  # the variants with two cues


class Deviation(NamedTuple):
    """A deviation, and how it is switched back."""

    paper: str  # the paper's choice, for the table
    settings: list[str]  # as for -S; "{profile}" is replaced by the profile's file


DEVIATIONS = {
    "none": Deviation("nothing switched back", []),
    "mismatch_weight": Deviation("no mismatched images", ["{profile}:mnist.cgn.mismatch_weight=[0]"]),
    "mask_interval": Deviation("mean of the mask in [0.1, 0.9]", ["mnist.cgn.mask_interval=[0.1,0.9]"]),
    "lambda_border": Deviation("no border prior", ["mnist.cgn.lambda_border=0"]),
    "mask_warmup": Deviation("no warm-up of the masks", ["mnist.cgn.mask_warmup=0"]),
    "binary_warmup": Deviation("entropy of the mask from the start on", ["mnist.cgn.binary_warmup=0"]),
    "training_noise": Deviation("one noise for all mechanisms", ["mnist.cgn.training_noise=shared"]),
    "texture_shuffle": Deviation("patches of the texture rearranged", ["mnist.cgn.texture_shuffle=permute"]),
    "weight_averaging": Deviation("the last weights", ["mnist.adversarial.weight_averaging=0"]),
    "gradient_penalty": Deviation(
        "R1 of one weight", ["{profile}:mnist.adversarial.discriminator.gradient_penalty=[1.0,1.0]"]
    ),
    "translation": Deviation(
        "no translation of what is judged", ["mnist.adversarial.discriminator.translation=0"]
    ),
}
MEASURES = {
    "healthy_classes": "healthy classes",
    "mask_digit_accuracy": "masks read as their label, %",
    "inverted_masks": "inverted masks, %",
    "cgn": "Original + CGN, test accuracy, %",
    "cgn_only": "CGN only, test accuracy, %",
    "cgn_abduction": "CGN, abduction, test accuracy, %",
}


def main(
    variant: Annotated[list[str], typer.Option(help="only these")] = list(HARD),  # noqa: B006
    deviation: Annotated[list[str], typer.Option(help="only these")] = list(DEVIATIONS),  # noqa: B006
) -> None:
    """Switch back each deviation on each variant, by default on double-colored and Wildlife."""
    for kind, names, known in (("variant", variant, VARIANT_TITLES), ("deviation", deviation, DEVIATIONS)):
        for name in names:
            if name not in known:
                raise UserError(f"--{kind} {name}: not one of {', '.join(known)}")
    scratch = Path(os.environ.get("CGN_SCRATCH", ".scratch/deviations"))
    for of in variant:
        for name in deviation:
            path = FOLDER / of / f"{name}.json"
            if not path.exists():
                experiment = f"deviation-{of}-{name}".replace("_", "-")
                settings = settings_of(name)
                write_json(path, measured(run_experiment(experiment, of, settings, scratch / name)))
            collect()


def settings_of(deviation: str) -> list[str]:
    """The settings that switch a deviation back, with the profile of params.yaml."""
    of_profile = f"{BUDGETS}/{read().profile}.yaml"
    return [setting.format(profile=of_profile) for setting in DEVIATIONS[deviation].settings]


def measured(outcome: Outcome) -> dict[str, Any]:
    """The `MEASURES` of an experiment, and the facts of its run."""
    methods = ("cgn", "cgn_only", "cgn_abduction")
    accuracies = {name: outcome.classifiers[name]["test_accuracy"] for name in methods}
    health = {name: outcome.mechanisms[name] for name in MEASURES if name not in accuracies}
    return health | accuracies | {"run": outcome.facts}


def collect() -> None:
    """Writes the table of all results in `FOLDER`."""
    rows, runs = [], []
    for variant, title in VARIANT_TITLES.items():
        for name, deviation in DEVIATIONS.items():
            path = FOLDER / variant / f"{name}.json"
            if path.exists():
                found = read_json(path)
                runs.append(found["run"])
                cells = {label: found[measure] for measure, label in MEASURES.items()}
                rows.append({"variant": title, "switched back to": deviation.paper} | cells)
    of, commits = runs[-1], sorted({run["commit"] for run in runs})
    with atomic_path(FOLDER / "deviations.md") as temporary:
        temporary.write_text(
            "# Each deviation from the paper switched back alone\n\n"
            f"`python -m experiments.deviations`, profile {of['profile']}, seed {of['seed']}, commit"
            f" {', '.join(commits)}. One training each: how far two of the same settings lie apart at this"
            f" size is not measured.\n\n{pd.DataFrame(rows).to_markdown(index=False, floatfmt='.1f')}\n",
            encoding="utf-8",
        )


if __name__ == "__main__":
    run_command("deviations", {"deviations": main})
