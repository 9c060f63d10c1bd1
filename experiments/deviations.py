"""Measures what each deviation from the paper is worth: DVC experiments switch deviations back.

`python -m experiments.deviations` runs the experiments without result in reports/deviations, at the sizes of
`profile`, and writes reports/deviations/deviations.md: groups of deviations are switched back together, then
each alone. `--correlation 0.95` does so on data whose cues tell the class less often.
`--deviation all` switches back all at once, in the profile `faithful`, at the sizes of the released code.
Accuracies are of validation digits with random cues: what weighs a deviation is no test digit.
docs/deviations.md gives the reasons of the deviations; experiments/long_deviations.py asks the same of long
trainings.
"""

from pathlib import Path
from statistics import fmean, stdev
from typing import Annotated, Any, NamedTuple

import pandas as pd
import typer

from cgn.errors import UserError
from cgn.io.files import atomic_path, read_json, write_json
from cgn.metrics.accuracy import accuracy, predict
from cgn.params.reading import BUDGETS
from cgn.report.names import METHOD_TITLES, VARIANT_TITLES
from cgn.report.tables import NONE
from experiments.experiment import (
    facts_of,
    mechanisms_of,
    recorded,
    require_equal_runs,
    run_target,
    scratch_of,
)
from experiments.settings import overridden
from experiments.training_stage import (
    RANDOM_CUES,
    classifiers_of,
    held_out_images,
)
from stages.command import run_command

FOLDER = Path("reports/deviations")
HARD = ("double_colored_mnist", "wildlife_mnist")  # the variants with two cues
SEEDS = (0, 1, 2)
ALL = "all"


class Deviation(NamedTuple):
    """A deviation, and how it is switched back."""

    paper: str  # the paper's choice, for the table
    settings: list[str]  # as for -S; "{profile}" is replaced by the profile's file
    knows: str = NONE  # what the deviation takes from elsewhere than the biased data


_EACH = {
    "mismatch_weight": Deviation(
        "no mismatched images",
        ["{profile}:mnist.cgn.mismatch_weight=[0]"],
        "that cues always tell the class: a texture under another class's mask counts as wrong",
    ),
    "weight_averaging": Deviation("the last weights", ["mnist.adversarial.weight_averaging=0"]),
    "translation": Deviation(
        "no translation of what is judged",
        ["mnist.adversarial.discriminator.translation=0"],
        "that two pixels of position do not change the class",
    ),
    "mask_interval": Deviation(
        "mean of the mask in [0.1, 0.9]",
        ["mnist.cgn.mask_interval=[0.1,0.9]"],
        "which share of the image digits cover, read off real digits",
    ),
    "lambda_border": Deviation(
        "no border prior",
        ["mnist.cgn.lambda_border=0"],
        "that digits leave the outer pixels free, read off real digits",
    ),
    "mask_warmup": Deviation("no warm-up of the masks", ["mnist.cgn.mask_warmup=0"]),
    "mask_start": Deviation(
        "no disc at the start, nor its warm-up",
        ["mnist.cgn.mask_start_radius=null", "mnist.cgn.mask_warmup=0"],
        "that digits are in the middle",
    ),
    "binary_warmup": Deviation("entropy of the mask from the start on", ["mnist.cgn.binary_warmup=0"]),
    "training_noise": Deviation("one noise for all mechanisms", ["mnist.cgn.training_noise=shared"]),
    "texture_shuffle": Deviation("patches of the texture rearranged", ["mnist.cgn.texture_shuffle=permute"]),
    "gradient_penalty": Deviation(
        "R1 of one weight", ["{profile}:mnist.adversarial.discriminator.gradient_penalty=[1.0,1.0]"]
    ),
}
# Switched back together, by what they concern.
DIGIT_PRIORS = ("mask_interval", "lambda_border")  # read off real digits
MASK_PRIORS = (*DIGIT_PRIORS, "binary_warmup")
TEXTURES = ("training_noise", "texture_shuffle", "gradient_penalty")


def _together(names: tuple[str, ...]) -> Deviation:
    each = [_EACH[name] for name in names]
    settings = dict.fromkeys(setting for deviation in each for setting in deviation.settings)
    known = [deviation.knows for deviation in each if deviation.knows != NONE]
    return Deviation("; ".join(one.paper for one in each), list(settings), "; ".join(known) or NONE)


DEVIATIONS = {
    "none": Deviation("nothing switched back", []),
    # All but mismatched images, averaged weights and translation.
    "others": _together(("mask_start", *MASK_PRIORS, *TEXTURES)),
    "textures": _together(TEXTURES),
    "digit_priors": _together(DIGIT_PRIORS),
    "textures_and_digit_priors": _together(DIGIT_PRIORS + TEXTURES),
    "textures_and_priors": _together(MASK_PRIORS + TEXTURES),
    **_EACH,
    ALL: Deviation("everything, as in faithful.yaml", ["profile=faithful"]),
}
LONG_ONLY = "digit_priors"  # experiments/long_deviations.py
SMALL = [name for name in DEVIATIONS if name not in (ALL, LONG_ONLY)]  # at the sizes of the profile
HEALTH = {
    "healthy_classes": "healthy classes",
    "mask_digit_accuracy": "masks read as their label, %",
    "inverted_masks": "inverted masks, %",
}
METHODS = ("original", "cgn", "cgn_only", "cgn_abduction")
BENEFITS = ("healthy_classes", "cgn", "cgn_only", "cgn_abduction")  # by which a deviation is weighed


def main(
    variant: Annotated[list[str], typer.Option(help="only these")] = list(HARD),  # noqa: B006
    deviation: Annotated[list[str], typer.Option(help="only these; all: the profile faithful")] = SMALL,
    seed: Annotated[list[int], typer.Option(help="only these")] = list(SEEDS),  # noqa: B006
    correlation: Annotated[float, typer.Option(help="of cue and label in the training data")] = 1.0,
    set_param: Annotated[list[str], typer.Option("-S", help="further parameters, as of dvc exp run")] = [],  # noqa: B006
) -> None:
    """Switch back deviations on each variant, by default on double-colored and Wildlife, three seeds."""
    require_known(variant, deviation)
    for name in deviation:
        of_profile = overridden(settings_of(name, correlation, set_param)).profile
        alike = [path for path in FOLDER.rglob("seed_*.json") if (ALL in path.parts) == (name == ALL)]
        require_equal_runs(filter(is_complete, alike), of_profile, set_param)
    for number in seed:
        for of in variant:
            for name in deviation:
                path = result_path(of, name, correlation, number)
                if not is_complete(path):
                    settings = [*settings_of(name, correlation, set_param), f"seed={number}"]
                    shared = {"settings": recorded([*set_param, f"seed={number}"])}
                    write_json(path, measured(path, of, settings) | shared)
                    collect()
    collect()


def require_known(variants: list[str], names: list[str]) -> None:
    """Raises UserError for a variant or deviation that does not exist."""
    for kind, asked, known in (("variant", variants, VARIANT_TITLES), ("deviation", names, DEVIATIONS)):
        for name in asked:
            if name not in known:
                raise UserError(f"--{kind} {name}: not one of {', '.join(known)}")


def result_path(variant: str, deviation: str, correlation: float, seed: int) -> Path:
    """The file of one result; data of less correlation have a folder of their own."""
    folder = FOLDER if correlation == 1 else FOLDER / f"correlation_{correlation:g}".replace(".", "_")
    return folder / variant / deviation / f"seed_{seed}.json"


def settings_of(deviation: str, correlation: float = 1.0, further: list[str] | None = None) -> list[str]:
    """The settings that switch a deviation back, with the profile that they or params.yaml have."""
    settings = [*(further or []), *DEVIATIONS[deviation].settings]
    own = [setting for setting in settings if setting.startswith("profile=")]
    of_profile = f"{BUDGETS}/{overridden(own).profile}.yaml"
    if correlation != 1:
        settings.append(f"mnist.correlation={correlation:g}")
    return [setting.format(profile=of_profile) for setting in settings]


def is_complete(path: Path) -> bool:
    """Whether there is a result with all accuracies; older ones lack them."""
    return path.exists() and set(METHODS) <= read_json(path).keys()


def measured(path: Path, variant: str, settings: list[str]) -> dict[str, Any]:
    """The quality of the masks, accuracies in percent of validation digits with random cues, and the run."""
    parts = path.relative_to(FOLDER).with_suffix("").parts
    experiment, params = "-".join(("deviation", *parts)).replace("_", "-"), overridden(settings)
    scratch = scratch_of("deviations") / "_".join(parts)
    stages = ("score_mechanisms", "train_on_biased", "train_on_counterfactuals", "train_on_abducted")
    made = run_target(experiment, [f"{stage}@{variant}" for stage in stages], settings, scratch)
    digits = held_out_images(experiment, variant, params)[RANDOM_CUES]
    classifiers = classifiers_of(experiment, variant, METHODS, params)
    accuracies = {
        method: accuracy(predict(classifier, digits.images), digits.labels)
        for method, classifier in classifiers.items()
    }
    health = mechanisms_of(experiment, variant)
    return {of: health[of] for of in HEALTH} | accuracies | {"run": facts_of(experiment, made, [])}


def collect() -> None:
    """Writes the table of all results in `FOLDER`."""
    rows, runs = [], []
    folders = sorted({path.parents[2] for path in FOLDER.glob("**/seed_*.json")})
    for folder in folders:
        correlation = folder.name.removeprefix("correlation_").replace("_", ".") if folder != FOLDER else "1"
        for variant, title in VARIANT_TITLES.items():
            reference = _results(folder / variant / "none")
            for name, deviation in DEVIATIONS.items():
                if not (found := _results(folder / variant / name)):
                    continue
                runs += [result["run"] for result in found.values()]
                cells: dict[str, Any] = {
                    "variant": title,
                    "correlation": correlation,
                    "switched back to": deviation.paper,
                }
                cells |= {"seeds": len(found)}
                cells |= {label: _over_seeds([*found.values()], of) for of, label in HEALTH.items()}
                cells |= {
                    f"{METHOD_TITLES[method]}, %": _over_seeds([*found.values()], method)
                    for method in METHODS
                }
                cells["benefit"] = NONE if name in ("none", ALL) else benefit(reference, found)
                rows.append(cells | {"takes for granted": deviation.knows})
    commits = sorted({run["commit"][:8] for run in runs})
    profiles = sorted({run["profile"] for run in runs})
    table = pd.DataFrame(rows).to_markdown(index=False, disable_numparse=True)
    with atomic_path(FOLDER / "deviations.md") as temporary:
        temporary.write_text(
            "# Deviations from the paper switched back\n\n"
            f"`python -m experiments.deviations`, profile {', '.join(profiles)}, commit {', '.join(commits)}."
            " Means over seeds ± their standard deviation. Accuracies are of validation digits with random"
            f" cues; {NONE}: not measured. Benefit: how much better it is not to switch back, paired by seed,"
            " mean ± standard deviation, of healthy classes, Original + CGN, CGN only, and CGN, abduction"
            f" (points); in bold if larger than that deviation.\n\n{table}\n",
            encoding="utf-8",
        )


def _results(folder: Path) -> dict[str, dict[str, Any]]:
    return {path.stem: read_json(path) for path in sorted(folder.glob("seed_*.json"))}


def benefit(reference: dict[str, dict[str, Any]], found: dict[str, dict[str, Any]]) -> str:
    """How much `reference` is better than `found`, in each of `BENEFITS`, paired by seed."""
    told = []
    for measure in BENEFITS:
        differences = [
            reference[seed][measure] - result[measure]
            for seed, result in found.items()
            if measure in result and measure in reference.get(seed, {})
        ]
        if len(differences) > 1:
            mean, spread = fmean(differences), stdev(differences)
            text = f"{mean:+.1f} ± {spread:.1f}"
            told.append(f"**{text}**" if mean > spread else text)
        else:
            told.append(f"{differences[0]:+.1f}" if differences else NONE)
    return ", ".join(told).replace("-", "−")


def _over_seeds(found: list[dict[str, Any]], measure: str) -> str:
    """The mean of a measure over results and its standard deviation, if they have it."""
    values = pd.Series([result[measure] for result in found if measure in result], dtype=float)
    spread = f" ± {values.std():.1f}" if len(values) > 1 else ""
    return f"{values.mean():.1f}{spread}" if len(values) else NONE


if __name__ == "__main__":
    run_command("deviations", {"deviations": main})
