"""The ImageNet branch on the emoji world, over seeds: `make emoji SEED=1`, `python -m experiments.emoji …`.

`seed K` runs the whole branch, i.e. Tables 1, 3 and 4, as one DVC experiment with that seed; `ablation NAME`
runs it with one setting changed, as far as the ensemble on counterfactuals needs it. Results are kept in
reports/emoji at once, and are not repeated. reports/emoji has the means: metrics.json, emoji.md (all tables)
and ablations.md. An interrupted run resumes from its checkpoints ($CGN_SCRATCH, by default .scratch)
and the cache.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer

from cgn.errors import UserError
from cgn.io.files import atomic_path, read_json, write_json
from cgn.params.reading import BUDGETS
from cgn.params.schema import Params
from experiments.emoji_results import ablation_page, measures, seeds_metrics, seeds_page
from experiments.experiment import facts_of, files_of, recorded, require_equal_runs, run_target, scratch_of
from experiments.settings import overridden
from stages.command import run_command

FOLDER = Path("reports/emoji")
# Score -> the stage that writes scores/imagenet/<score>.json.
SCORES = {
    "accuracy": "imagenet_accuracy",
    "in9": "in9",
    "in9_random_surfaces": "in9_random_surfaces",
    "cue_conflict": "cue_conflict",
    "cgn": "score_imagenet_cgn",
    "factors": "imagenet_factors",
}
OF_CLASSIFIERS = ("accuracy", "in9", "in9_random_surfaces", "cue_conflict")
SEEDS = (0, 1, 2, 3, 4)
ABLATION_SEEDS = (2, 3, 4)
_MODELS = "models/imagenet"


class Ablation(NamedTuple):
    """A setting that is changed alone. `settings` are as for -S; "{profile}" is the profile's file."""

    question: str
    changed: str
    settings: list[str]


def _images(count: int) -> list[str]:
    return [f"{{profile}}:sample_imagenet_counterfactuals.images={count}"]


def _ratio(real_to_counterfactual: float) -> list[str]:
    return [f"{{profile}}:methods.ensemble.real_to_counterfactual={real_to_counterfactual:g}"]


_NUMBER, _SHARE = "Number of counterfactuals (12,000)", "Real images in a batch (50 %; the paper: best)"
ABLATIONS = {
    "scratch": Ablation(
        "Start of the CGN (pre-trained; the paper: key)", "random weights", ["imagenet.cgn.start=scratch"]
    ),
    "own_noise": Ablation(
        "Noise (shared)", "each mechanism its own", ["imagenet.counterfactuals.noise=per_mechanism"]
    ),
    "images_1000": Ablation(_NUMBER, "1,000", _images(1000)),
    "images_4000": Ablation(_NUMBER, "4,000", _images(4000)),
    "images_24000": Ablation(_NUMBER, "24,000, each shown once", _images(24_000)),
    "real_20": Ablation(_SHARE, "20 %", _ratio(0.25)),
    "real_80": Ablation(_SHARE, "80 %", _ratio(4)),
    "smoothing_0": Ablation(
        "Label smoothing of the ensemble (0.2)",
        "none, as in the paper",
        [
            f"{{profile}}:methods.ensemble.label_smoothing.{head}=0.0"
            for head in ("shape", "texture", "background")
        ],
    ),
    "composite": Ablation(
        "Patches of L_text (of x_gt)",
        "of the composite, as in the paper",
        ["imagenet.cgn.patch_source=composite"],
    ),
    "refinement": Ablation(
        "Network after the composer (none; appendix F)",
        "three convolutions, 16 features",
        ["imagenet.cgn.refinement.features=16"],
    ),
}

SetParam = Annotated[list[str], typer.Option("-S", help="key=value, as of dvc exp run")]


def seed(
    seeds: Annotated[list[int], typer.Argument(help="run these seeds")],
    set_param: SetParam = [],  # noqa: B006
) -> None:
    """Run the whole branch with each of SEEDS that has no result yet, and write the tables of all seeds."""
    require_equal_runs(FOLDER.rglob("seed_*.json"), overridden(set_param).profile, set_param)
    for number in seeds:
        path = seed_path(number)
        if path.exists():
            print(f"seed {number}: has its result; to run it again, rm {path}")
            continue
        settings = [f"seed={number}", *set_param]
        name = f"emoji-{number}"
        facts = _run(name, list(SCORES.values()), settings)
        write_json(path, {"scores": _scores(name, SCORES), "settings": recorded(settings), "run": facts})
        collect()
    collect()


def ablation(
    names: Annotated[list[str], typer.Argument(help="only these")] = list(ABLATIONS),  # noqa: B006
    seed: Annotated[list[int], typer.Option(help="these seeds")] = list(ABLATION_SEEDS),  # noqa: B006
    set_param: SetParam = [],  # noqa: B006
) -> None:
    """Run each of NAMES with the seeds that have no result yet, and write the table of ablations."""
    for name in names:
        if name not in ABLATIONS:
            raise UserError(f"{name}: not one of {', '.join(ABLATIONS)}")
    params = overridden(set_param)
    require_equal_runs(FOLDER.rglob("seed_*.json"), params.profile, set_param)
    for number in seed:
        for name in names:
            path = ablation_path(name, number)
            if not path.exists():
                shared = [f"seed={number}", *set_param]
                settings = [*settings_of(name, params.profile), *shared]
                found = _measured(f"emoji-{name}-{number}".replace("_", "-"), settings)
                write_json(path, found | {"settings": recorded(shared)})
                collect()
    collect()


def seed_path(number: int) -> Path:
    """The file of the result of a seed."""
    return FOLDER / "seeds" / f"seed_{number}.json"


def ablation_path(name: str, number: int) -> Path:
    """The file of the result of an ablation with a seed."""
    return FOLDER / "ablations" / name / f"seed_{number}.json"


def settings_of(name: str, profile: str) -> list[str]:
    """The settings of an ablation at the sizes of a profile."""
    return [setting.format(profile=f"{BUDGETS}/{profile}.yaml") for setting in ABLATIONS[name].settings]


def _run(experiment: str, stages: list[str], settings: list[str]) -> dict[str, Any]:
    """Runs `stages`, and returns the facts of the run."""
    scratch = scratch_of("emoji") / experiment
    made = run_target(experiment, [f"imagenet/dvc.yaml:{stage}" for stage in stages], settings, scratch)
    return facts_of(experiment, made, (scratch / "timings").glob("*.json"))


def _scores(experiment: str, names: Mapping[str, str] | tuple[str, ...]) -> dict[str, Any]:
    """The scores in `experiment`, by the name of their file."""
    from dvc.api import read

    return {name: json.loads(read(f"scores/imagenet/{name}.json", rev=experiment)) for name in names}


def _measured(experiment: str, settings: list[str]) -> dict[str, Any]:
    """The measures of the ensemble and of the CGN of an experiment with `settings`."""
    facts = _run(experiment, [SCORES[name] for name in OF_CLASSIFIERS], settings)
    found = measures(_scores(experiment, OF_CLASSIFIERS), _cgn_scores(experiment, overridden(settings)))
    return {"measures": found, "run": facts}


def _cgn_scores(experiment: str, params: Params) -> dict[str, float]:
    """The scores of the CGN of an experiment, as the stage `score_imagenet_cgn` computes them.

    The stage itself would train the five ablations of Table 1 as well.
    """
    import torch

    from cgn.evaluation.cgn_scores import cgn_scores, load_judges
    from cgn.generators.imagenet.mechanisms import load_cgn
    from cgn.generators.pretraining.stored import load_cgan

    torch.set_num_threads(params.threads)
    parts = ("pretrained", "cgn/all", "classifiers/oracle", "classifiers/in")
    with files_of(experiment, [f"{_MODELS}/{part}" for part in parts]) as folder:
        models = folder / _MODELS
        cgn, cgan = load_cgn(models / "cgn/all", models / "pretrained"), load_cgan(models / "pretrained")
        _, judges = load_judges(models)
        images = params.budgets.score_imagenet_cgn.images
        return cgn_scores(cgn, cgan, judges, params.imagenet.cgn_score, images, params.seed)


def collect() -> None:
    """Writes the means over all seeds, and the table of the ablations, as far as there are results."""
    seeds = {_seed_of(path): read_json(path) for path in sorted((FOLDER / "seeds").glob("seed_*.json"))}
    pages = {}
    if seeds:
        write_json(FOLDER / "metrics.json", seeds_metrics(seeds))
        pages["emoji"] = seeds_page(seeds)
    ablated = {
        (one.question, one.changed): {
            _seed_of(path): read_json(path)
            for path in sorted(ablation_path(name, 0).parent.glob("seed_*.json"))
        }
        for name, one in ABLATIONS.items()
    }
    if any(ablated.values()):
        pages["ablations"] = ablation_page(seeds, ablated)
    for name, text in pages.items():
        with atomic_path(FOLDER / f"{name}.md") as temporary:
            temporary.write_text(text, encoding="utf-8")


def _seed_of(path: Path) -> int:
    return int(path.stem.removeprefix("seed_"))


if __name__ == "__main__":
    run_command("emoji", {"seed": seed, "ablation": ablation, "collect": collect})
