"""Measures the effect of each deviation from the paper: one DVC experiment switches back one deviation.

`python -m experiments.deviations` runs the experiments without result in reports/deviations, at the sizes of
`profile`, and writes reports/deviations/deviations.md. Accuracies are of validation digits with random cues:
what weighs a deviation is no test digit. docs/deviations.md gives the reasons of the deviations.
"""

import os
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import pandas as pd
import typer

from cgn.errors import UserError
from cgn.io.files import atomic_path, read_json, write_json
from cgn.metrics.accuracy import accuracy, predict
from cgn.params.reading import BUDGETS, read
from cgn.report.names import METHOD_TITLES, VARIANT_TITLES
from cgn.report.tables import NONE
from experiments.experiment import run_experiment
from experiments.settings import overridden
from experiments.training_stage import classifiers_of
from experiments.tuning import RANDOM_CUES, held_out_images
from stages.command import run_command

FOLDER = Path("reports/deviations")
HARD = ("double_colored_mnist", "wildlife_mnist")  # the variants with two cues
SEEDS = (0, 1, 2)


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
HEALTH = {
    "healthy_classes": "healthy classes",
    "mask_digit_accuracy": "masks read as their label, %",
    "inverted_masks": "inverted masks, %",
}
METHODS = ("cgn", "cgn_only", "cgn_abduction")


def main(
    variant: Annotated[list[str], typer.Option(help="only these")] = list(HARD),  # noqa: B006
    deviation: Annotated[list[str], typer.Option(help="only these")] = list(DEVIATIONS),  # noqa: B006
    seed: Annotated[list[int], typer.Option(help="only these")] = list(SEEDS),  # noqa: B006
) -> None:
    """Switch back each deviation on each variant, by default on double-colored and Wildlife, three seeds."""
    for kind, names, known in (("variant", variant, VARIANT_TITLES), ("deviation", deviation, DEVIATIONS)):
        for name in names:
            if name not in known:
                raise UserError(f"--{kind} {name}: not one of {', '.join(known)}")
    scratch = Path(os.environ.get("CGN_SCRATCH", ".scratch/deviations"))
    for of in variant:
        for number in seed:
            for name in deviation:
                path = FOLDER / of / name / f"seed_{number}.json"
                if not path.exists():
                    settings = [*settings_of(name), f"seed={number}"]
                    write_json(path, measured(f"{name}-{number}", of, settings, scratch / f"{name}_{number}"))
                collect()


def settings_of(deviation: str) -> list[str]:
    """The settings that switch a deviation back, with the profile of params.yaml."""
    of_profile = f"{BUDGETS}/{read().profile}.yaml"
    return [setting.format(profile=of_profile) for setting in DEVIATIONS[deviation].settings]


def measured(name: str, variant: str, settings: list[str], scratch: Path) -> dict[str, Any]:
    """The quality of the masks, accuracies in percent of validation digits with random cues, and the run."""
    experiment, params = f"deviation-{variant}-{name}".replace("_", "-"), overridden(settings)
    outcome = run_experiment(experiment, variant, settings, scratch)
    digits = held_out_images(experiment, variant, params)[RANDOM_CUES]
    classifiers = classifiers_of(experiment, variant, METHODS, params.mnist.classifier.network == "released")
    accuracies = {
        method: accuracy(predict(classifier, digits.images), digits.labels)
        for method, classifier in classifiers.items()
    }
    return {of: outcome.mechanisms[of] for of in HEALTH} | accuracies | {"run": outcome.facts}


def collect() -> None:
    """Writes the table of all results in `FOLDER`."""
    rows, runs = [], []
    for variant, title in VARIANT_TITLES.items():
        for name, deviation in DEVIATIONS.items():
            found = [read_json(path) for path in sorted((FOLDER / variant / name).glob("seed_*.json"))]
            if found:
                runs += [result["run"] for result in found]
                cells = {"variant": title, "switched back to": deviation.paper, "seeds": len(found)}
                cells |= {label: _over_seeds(found, measure) for measure, label in HEALTH.items()}
                cells |= {f"{METHOD_TITLES[method]}, %": _over_seeds(found, method) for method in METHODS}
                rows.append(cells)
    commits = sorted({run["commit"] for run in runs})
    table = pd.DataFrame(rows).to_markdown(index=False, disable_numparse=True)
    with atomic_path(FOLDER / "deviations.md") as temporary:
        temporary.write_text(
            "# Each deviation from the paper switched back alone\n\n"
            f"`python -m experiments.deviations`, profile {runs[-1]['profile']}, commit {', '.join(commits)}."
            " Means over seeds ± their standard deviation. Accuracies are of validation digits with random"
            f" cues; {NONE}: not measured.\n\n{table}\n",
            encoding="utf-8",
        )


def _over_seeds(found: list[dict[str, Any]], measure: str) -> str:
    """The mean of a measure over results and its standard deviation, if they have it."""
    values = pd.Series([result[measure] for result in found if measure in result], dtype=float)
    spread = f" ± {values.std():.1f}" if len(values) > 1 else ""
    return f"{values.mean():.1f}{spread}" if len(values) else NONE


if __name__ == "__main__":
    run_command("deviations", {"deviations": main})
