"""What deviations are worth for masks after a training of the paper's length.

`python -m experiments.long_deviations` switches deviations back at the sizes of the profile `paper`, on
Wildlife, and scores the CGN's masks; no classifier of images is trained. Small trainings
(experiments/deviations.py) may not show what a long one needs. Everything as it is has results in
reports/paper/results. Results are kept in reports/long_deviations. No test image takes part.
"""

import math
from pathlib import Path
from statistics import fmean, stdev
from typing import Annotated, Any

import pandas as pd
import typer

from cgn.errors import UserError
from cgn.io.files import atomic_path, read_json, write_json
from cgn.report.names import VARIANT_TITLES
from cgn.report.paper_runs import differences
from experiments.deviations import ALL, DEVIATIONS, require_known, settings_of
from experiments.experiment import (
    facts_of,
    mechanisms_of,
    recorded,
    run_target,
    scratch_of,
)
from experiments.paper import RESULTS
from experiments.settings import effective_parameters, overridden
from experiments.study_results import STUDENT
from stages.command import run_command

FOLDER = Path("reports/long_deviations")
PROFILE = "paper"
# Abduction trains its segmenter as ever, but draws few images: no classifier needs them.
FEW_IMAGES = [f"budgets/{PROFILE}.yaml:abduct.{key}=1000" for key in ("images", "images_per_shard")]
LONG = [name for name in DEVIATIONS if name not in ("none", ALL)]
NAMES = ("digit_priors", "weight_averaging", "textures", "translation")  # by default
# Measure -> its title and decimals.
MEASURES = {
    "abduction_iou": ("IoU of abducted masks with the true ones", 3),
    "mask_digit_accuracy": ("masks read as their label, %", 1),
    "inverted_masks": ("inverted masks, %", 1),
    "healthy_classes": ("healthy classes", 0),
    "diversity": ("diversity", 2),
}


def main(
    variant: Annotated[list[str], typer.Option(help="only these")] = ["wildlife_mnist"],  # noqa: B006
    deviation: Annotated[list[str], typer.Option(help="only these")] = list(NAMES),  # noqa: B006
    seed: Annotated[list[int], typer.Option(help="only these")] = [0],  # noqa: B006
    set_param: Annotated[list[str], typer.Option("-S", help="further parameters, as of dvc exp run")] = [],  # noqa: B006
) -> None:
    """Switch back deviations that have no result yet, by default on Wildlife with one seed."""
    require_known(variant, [])
    for name in deviation:
        if name not in LONG:
            raise UserError(f"--deviation {name}: not one of {', '.join(LONG)}")
    params = overridden([f"profile={PROFILE}", *set_param])
    for of in variant:
        asked = {"mechanisms": effective_parameters(params, of, "mechanisms")}
        if found := differences(RESULTS, of, asked):
            raise UserError(
                f"{of}: not the parameters of the trainings to compare with: {found['mechanisms']}"
            )
    for number in seed:
        for of in variant:
            for name in deviation:
                path = FOLDER / of / name / f"seed_{number}.json"
                if not path.exists():
                    write_json(path, measured(of, name, number, set_param))
                    collect()
    collect()


def measured(variant: str, name: str, seed: int, given: list[str]) -> dict[str, Any]:
    """The scores of the masks, and the run."""
    shared = [f"profile={PROFILE}", *given]
    settings = [*settings_of(name, further=shared), *FEW_IMAGES, f"seed={seed}"]
    experiment = f"long-deviation-{variant}-{name}-{seed}".replace("_", "-")
    scratch = scratch_of("long_deviations") / f"{variant}_{name}_{seed}"
    made = run_target(experiment, f"score_mechanisms@{variant}", settings, scratch)
    scores = mechanisms_of(experiment, variant)
    kept = {measure: scores[measure] for measure in MEASURES}
    return kept | {"settings": recorded([*given, f"seed={seed}"]), "run": facts_of(experiment, made, [])}


def collect() -> None:
    """Writes the table of all results in `FOLDER`."""
    rows, runs = [], []
    for variant, title in VARIANT_TITLES.items():
        reference = _results(RESULTS / variant / "mechanisms")
        found = {name: _results(FOLDER / variant / name) for name in LONG}
        found = {name: results for name, results in found.items() if results}
        if found:
            rows.append(_row(title, DEVIATIONS["none"].paper, reference, reference))
        for name, results in found.items():
            rows.append(_row(title, DEVIATIONS[name].paper, results, reference))
            runs += [result["run"] for result in results]
    commits = sorted({run["commit"][:8] for run in runs})
    table = pd.DataFrame(rows).to_markdown(index=False, disable_numparse=True)
    with atomic_path(FOLDER / "long_deviations.md") as temporary:
        temporary.write_text(
            "# Deviations from the paper switched back in long trainings\n\n"
            f"`python -m experiments.long_deviations`, profile {PROFILE}, commit {', '.join(commits)}. With"
            " nothing switched back: the CGNs of `python -m experiments.paper run SEED`. Means over seeds ±"
            " their standard deviation. In bold: outside of the interval of 95 % (Student's) in which as many"
            " further trainings with nothing switched back are expected. IoU is of masks of biased training"
            f" images.\n\n{table}\n",
            encoding="utf-8",
        )


def _results(folder: Path) -> list[dict[str, Any]]:
    return [read_json(path) for path in sorted(folder.glob("seed_*.json"))]


def _row(
    variant: str, switched: str, results: list[dict[str, Any]], reference: list[dict[str, Any]]
) -> dict[str, str]:
    row = {"variant": variant, "switched back to": switched, "seeds": str(len(results))}
    for measure, (label, decimals) in MEASURES.items():
        values, usual = ([float(one[measure]) for one in of] for of in (results, reference))
        told = f"{fmean(values):.{decimals}f}"
        if len(values) > 1:
            told += f" ± {stdev(values):.{decimals}f}"
        unusual = abs(fmean(values) - fmean(usual)) > expected_within(usual, len(values))
        row[label] = f"**{told}**" if unusual else told
    return row


def expected_within(usual: list[float], further: int) -> float:
    """How far the mean of `further` equal trainings is from that of `usual` ones, with 95 % (Student's)."""
    half: float = STUDENT[len(usual) - 2] * stdev(usual) * math.sqrt(1 / len(usual) + 1 / further)
    return half


if __name__ == "__main__":
    run_command("long_deviations", {"long_deviations": main})
