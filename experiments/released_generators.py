"""The trained MNIST CGNs of the paper's released code beside ours.

`python -m experiments.released_generators masks` scores their masks with our digit classifier, and draws a
sheet of each. `… teach SEED` trains our classifiers with their samples, in the profile `paper`, and theirs
(network and schedule of the released code) in the profile `released`. Results are in
reports/released_generators; those that are there are not made again. The table has our generators beside
them, from the results of `python -m experiments.paper` for both profiles.

The released files come from assets.yaml; `stages.assets` fetches them.
"""

from pathlib import Path
from statistics import fmean, stdev
from typing import Annotated

import numpy as np
import pandas as pd
import torch
import typer
from numpy.typing import NDArray

from cgn.counterfactuals import plan_counterfactuals
from cgn.evaluation.mechanism_quality import mask_scores
from cgn.generators.mnist.mechanisms import CLASSES, DigitCGN
from cgn.generators.mnist.released import load_released_cgn
from cgn.generators.mnist.sampling import draw
from cgn.io.assets import local_file
from cgn.io.files import atomic_path, read_json, write_json
from cgn.io.pixels import to_bytes
from cgn.params.reading import BUDGETS
from cgn.report.contact_sheets import arrange, contact_sheet, write_png
from cgn.report.names import METHOD_TITLES, VARIANT_TITLES
from cgn.report.tables import NONE
from cgn.scm import MNIST_SCM, CounterfactualParams
from experiments.experiment import facts_of, run_target, scratch_of
from experiments.paper import FOLDERS
from experiments.settings import overridden
from experiments.training_stage import arrays_of, digit_classifier_of, run_training_stages
from stages.command import run_command

FOLDER = Path("reports/released_generators")
STAGES = ["train_on_counterfactuals", "train_on_abducted"]
METHODS = ("cgn_only", "cgn", "cgn_abduction")
HEALTH = {"healthy_classes": "healthy classes", "mask_digit_accuracy": "masks read as their label, %",
          "inverted_masks": "inverted masks, %", "diversity": "diversity"}  # fmt: skip
COLUMNS = 6  # of a sheet
# One label for all mechanisms, as in the training data; then counterfactuals of the same shapes.
_FACTUAL = CounterfactualParams(intervened=["shape"], noise="per_mechanism", ratio=1)
_COUNTERFACTUAL = CounterfactualParams(
    intervened=["foreground", "background"], noise="per_mechanism", ratio=1
)


def masks(
    set_param: Annotated[list[str], typer.Option("-S", help="further parameters, as of dvc exp run")] = [],  # noqa: B006
) -> None:
    """Score the masks of the three released CGNs, and draw a sheet of each."""
    settings = ["profile=paper", *set_param]
    params, experiment = overridden(settings), "released-generators-masks"
    made = run_target(experiment, "train_digit_classifier", settings, scratch_of("released_generators"))
    reader = digit_classifier_of(experiment, params)
    digits, facts = arrays_of(experiment, "digits"), facts_of(experiment, made, [])
    for variant in VARIANT_TITLES:
        cgn = load_released_cgn(local_file(getattr(params.assets, f"released_{variant}")))
        scores = mask_scores(cgn, reader, digits, variant, params.mnist.mechanism_score, params.seed)
        write_json(FOLDER / variant / "masks.json", {**scores, "run": facts})
        write_png(FOLDER / f"{variant}.png", sheet(cgn, params.seed))
    collect()


def teach(
    seed: int,
    variant: Annotated[list[str], typer.Option(help="only these variants")] = list(VARIANT_TITLES),  # noqa: B006
    profile: Annotated[list[str], typer.Option(help="only these: paper, released")] = list(FOLDERS),  # noqa: B006
    set_param: Annotated[list[str], typer.Option("-S", help="further parameters, as of dvc exp run")] = [],  # noqa: B006
) -> None:
    """Train classifiers with samples of the released CGNs that have no result yet."""
    for of in profile:
        for name in variant:
            path = FOLDER / name / of / f"seed_{seed}.json"
            if not path.exists():
                settings = [*settings_of(of, seed), *set_param]
                experiment = f"released-generators-{name}-{of}-{seed}".replace("_", "-")
                trained = run_training_stages(
                    experiment, STAGES, name, settings, scratch_of("released_generators") / f"{of}_{seed}"
                )
                found = {method: trained.accuracies[method]["test_accuracy"] for method in METHODS}
                write_json(path, {**found, "run": trained.facts})
    collect()


def settings_of(profile: str, seed: int) -> list[str]:
    """The settings of a profile with the released CGNs in place of ours, and the data that these know.

    On double-colored MNIST abduction would meet the pairing of the colours of our data otherwise.
    """
    file = f"{BUDGETS}/{profile}.yaml"
    shift = "mnist.variants.double_colored_mnist.foreground_shift"
    return [f"profile={profile}", f"seed={seed}", f"{file}:mnist.cgn.source=released", f"{file}:{shift}=-6"]


def collect() -> None:
    """Writes the table of all results."""
    rows = []
    for variant, title in VARIANT_TITLES.items():
        for whose, of_masks in (
            ("ours", sorted((FOLDERS["paper"] / variant / "mechanisms").glob("seed_*.json"))),
            ("released", sorted((FOLDER / variant).glob("masks.json"))),
        ):
            row = {"variant": title, "generator": whose}
            found = [read_json(path) for path in of_masks]
            row |= {label: _told([one[measure] for one in found]) for measure, label in HEALTH.items()}
            for profile in FOLDERS:
                for method in METHODS:
                    told = _told(_accuracies(whose, variant, profile, method))
                    row[f"{METHOD_TITLES[method]}, profile {profile}, %"] = told
            rows.append(row)
    table = pd.DataFrame(rows).to_markdown(index=False, disable_numparse=True)
    with atomic_path(FOLDER / "released_generators.md") as temporary:
        temporary.write_text(
            "# The released generators beside ours\n\n"
            "`python -m experiments.released_generators masks`, `… teach SEED`; ours are the results of"
            " `python -m experiments.paper run SEED`, for the profile released with `--profile released`."
            " Masks are read by our classifier of real digits. Accuracies are of test images with random"
            " cues, in the profile paper of our classifier, in the profile released of the released code's"
            " network and schedule, on its validation digits. Means ± standard deviations over seeds (their"
            f" number); {NONE}: not made. The released generators were trained on colours that walk,"
            " which only the profile released has. On double-colored the biased images beside them pair the"
            f" colours as theirs do.\n\n{table}\n",
            encoding="utf-8",
        )


def sheet(cgn: DigitCGN, seed: int) -> NDArray[np.uint8]:
    """A sheet of a CGN: for each class masks, both textures, images of one label, and counterfactuals."""
    count = CLASSES * COLUMNS
    labels = np.arange(count) // COLUMNS
    with torch.inference_mode():
        factual, counterfactual = (
            draw(cgn, plan_counterfactuals(MNIST_SCM, policy, CLASSES, seed, 0, count, labels))
            for policy in (_FACTUAL, _COUNTERFACTUAL)
        )
    blocks = {
        "masks": np.repeat(to_bytes(factual["shape"] * 2 - 1), 3, axis=3),
        "foreground": to_bytes(factual["foreground"]),
        "background": to_bytes(factual["background"]),
        "one label": to_bytes(factual["composer"]),
        "counterfactuals": to_bytes(counterfactual["composer"]),
    }
    return arrange(
        [
            [
                contact_sheet(images.reshape(CLASSES, COLUMNS, *images.shape[1:]), title=title, scale=1)
                for title, images in blocks.items()
            ]
        ]
    )


def _accuracies(whose: str, variant: str, profile: str, method: str) -> list[float]:
    if whose == "ours":
        kept = sorted((FOLDERS[profile] / variant / method).glob("seed_*.json"))
        return [read_json(path)["test_accuracy"] for path in kept]
    return [read_json(path)[method] for path in sorted((FOLDER / variant / profile).glob("seed_*.json"))]


def _told(values: list[float]) -> str:
    """Mean, standard deviation and number of values."""
    if not values:
        return NONE
    places = 2 if max(values) < 1 and min(values) > 0 else 1  # diversities
    spread = f" ± {stdev(values):.{places}f}" if len(values) > 1 else ""
    return f"{fmean(values):.{places}f}{spread} ({len(values)})"


if __name__ == "__main__":
    run_command("released_generators", {"masks": masks, "teach": teach, "collect": collect})
