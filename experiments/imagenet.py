"""Tables 1, 3 and 4 at the paper's size: `python -m experiments.imagenet /data/imagenet`.

The folder has ILSVRC2012 as torchvision unpacks it. The run is one DVC experiment of the profile `imagenet`
with the settings of a preset, on a GPU. An interrupted run resumes from its checkpoints ($CGN_SCRATCH, by
default .scratch) and the cache. The scores are kept in reports/imagenet/<preset>/seed_<seed>.json,
and the tables beside the paper's values in seed_<seed>.md.
"""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from cgn.errors import UserError
from cgn.io.files import atomic_path, write_json
from experiments.experiment import recorded, run_target, scratch_of
from experiments.imagenet_page import page
from experiments.settings import overridden
from stages.command import run_command

RESULTS = Path("reports/imagenet")
SCORES = ("accuracy", "in9", "cue_conflict", "cgn")
TARGETS = ("imagenet_accuracy", "in9", "cue_conflict", "score_imagenet_cgn")
_OF_PROFILE = "budgets/imagenet.yaml:"
# What both have in common (sections 3.2 and 4.3, appendix C).
COMMON = [
    *("profile=imagenet", "imagenet.world=imagenet", "imagenet.ilsvrc.resolution=224"),
    *("imagenet.saliency.resolution=320", "imagenet.cgn.lambda_binary=300"),
    *("imagenet.cgn.lambda_background=2000", "imagenet.cgn.gram_factor=25000"),
    *("imagenet.cgn.patch_size=15", "imagenet.cgn.patch_candidates=100"),
    *("imagenet.cgn.learning_rates.shape=0.000008", "imagenet.cgn.learning_rates.background=0.00001"),
    *("imagenet.classifier.batch=512", "imagenet.classifier.optimizer=sgd"),
    *("imagenet.classifier.weight_decay=0.0001", "imagenet.classifier.warmup=0.0"),
    *("imagenet.classifier.precision=bf16", "imagenet.cgn_score.network=inception"),
]
PRESETS = {
    # The rate is multiplied "by 0.001 after 30 and 60" of 70 epochs.
    "paper": [
        *("imagenet.cgn.patch_source=composite", "imagenet.cgn.learning_rates.foreground=0.00001"),
        *("imagenet.classifier.decays=70", "imagenet.classifier.learning_rate_decay=0.001"),
        f"imagenet.classifier.decay_after=[{30 / 70},{60 / 70}]",
        "imagenet.classifier.frozen_statistics=false",
    ],
    # 45 epochs, a tenth of the rate after each 15; the statistics of batch norms are frozen.
    "released": [
        *("imagenet.cgn.patch_source=ground_truth", "imagenet.cgn.learning_rates.foreground=0.00003"),
        *("imagenet.cgn.lambda_perceptual=3.2", "imagenet.cgn.texture_taps=middle"),
        "imagenet.saliency.normalisation=raw",
        *("imagenet.classifier.decays=45", "imagenet.classifier.learning_rate_decay=0.1"),
        f"imagenet.classifier.decay_after=[{15 / 45},{30 / 45}]",
        "imagenet.classifier.frozen_statistics=true",
        f"{_OF_PROFILE}imagenet.classifier.learning_rate=0.001",
        f"{_OF_PROFILE}train_ensemble.image_passes=112965030",
    ],
}


def main(
    folder: Annotated[str, typer.Argument(help="train/<WordNet id>/*.JPEG and val/<WordNet id>/*.JPEG")],
    preset: Annotated[str, typer.Option(help="paper, or released: the released code's values")] = "paper",
    seed: int = 0,
    device: Annotated[str, typer.Option(help="cuda or cpu")] = "cuda",
    threads: Annotated[int, typer.Option(help="also the processes that decode images")] = 16,
    set_param: Annotated[list[str], typer.Option("-S", help="further parameters, as of dvc exp run")] = [],  # noqa: B006
    target: Annotated[list[str], typer.Option(help="only these stages")] = list(TARGETS),  # noqa: B006
) -> None:
    """Run the CGN, its ablations, the ensemble and all scores, and keep the scores."""
    settings = settings_of(preset, folder, seed, device, threads) + set_param
    overridden(settings)
    for one in target:
        if one not in TARGETS:
            raise UserError(f"--target {one}: not one of {', '.join(TARGETS)}")
    scratch = scratch_of("imagenet") / f"{preset}_{seed}"
    name = f"imagenet-{preset}-{seed}"
    made = run_target(name, [f"imagenet/dvc.yaml:{one}" for one in target], settings, scratch)
    changes = " ".join(f"-S '{setting}'" for setting in recorded(set_param))
    facts = {"commit": made["commit"], "preset": preset, "seed": seed, "changes": changes}
    part = "" if set(target) == set(TARGETS) else "_" + "_".join(target)
    path = RESULTS / preset / f"seed_{seed}{part}.json"
    keep(path, facts, scores_of(name, target))
    print(f"the scores are in {path}, their tables in {path.with_suffix('.md')}")


def keep(path: Path, run: dict[str, Any], scores: dict[str, Any]) -> None:
    """Writes the facts of a run and its scores, and their tables beside them."""
    write_json(path, {"run": run} | scores)
    with atomic_path(path.with_suffix(".md")) as temporary:
        temporary.write_text(page(run, scores), encoding="utf-8")


def settings_of(preset: str, folder: str, seed: int, device: str, threads: int) -> list[str]:
    """All settings of a run, as for -S. Raises UserError for an unknown preset."""
    if preset not in PRESETS:
        raise UserError(f"--preset {preset}: not one of {', '.join(PRESETS)}")
    own = [f"seed={seed}", f"device={device}", f"threads={threads}", f"imagenet.ilsvrc.path='{folder}'"]
    return [*COMMON, *PRESETS[preset], *own]


def scores_of(experiment: str, targets: list[str]) -> dict[str, Any]:
    """The scores of the stages `targets` in `experiment`, by the name of their file."""
    from dvc.api import read

    asked = [score for score, stage in zip(SCORES, TARGETS, strict=True) if stage in targets]
    return {score: json.loads(read(f"scores/imagenet/{score}.json", rev=experiment)) for score in asked}


if __name__ == "__main__":
    run_command("imagenet", {"imagenet": main})
