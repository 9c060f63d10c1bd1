"""The presets of ImageNet at its own size: valid, and with the published values."""

import math
import subprocess
from pathlib import Path
from typing import Any

import pytest

from cgn.errors import UserError
from cgn.methods.algorithm import learning_rate
from cgn.networks.vgg import released_factors
from cgn.params.schema import Params
from cgn.report.ablation import ROWS
from experiments import imagenet
from experiments.imagenet_page import page
from experiments.settings import overridden


@pytest.fixture(autouse=True)
def in_root(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)


def params_of(preset: str) -> Params:
    return overridden(imagenet.settings_of(preset, "/data/Image Net", 3, "cuda", 8))


@pytest.mark.parametrize(
    ("preset", "epochs", "rates", "frozen"),
    [
        ("paper", 70, {0: 0.1, 29: 0.1, 30: 1e-4, 59: 1e-4, 60: 1e-7, 69: 1e-7}, False),
        ("released", 45, {0: 1e-3, 14: 1e-3, 15: 1e-4, 29: 1e-4, 30: 1e-5, 44: 1e-5}, True),
    ],
)
def test_the_schedules(preset: str, epochs: int, rates: dict[int, float], frozen: bool) -> None:
    params = params_of(preset)
    schedule = params.imagenet.classifier
    for epoch, rate in rates.items():  # at the first and the last step of an epoch of a hundred
        for step in (0, 99):
            assert math.isclose(learning_rate(schedule, (100 * epoch + step) / (100 * epochs)), rate), epoch
    assert (schedule.batch, schedule.optimizer, schedule.weight_decay) == (512, "sgd", 1e-4)
    assert schedule.decays == epochs
    assert schedule.frozen_statistics == frozen
    assert params.methods.ensemble.real_to_counterfactual == 1  # 256 of each
    assert params.budgets.train_ensemble.image_passes == epochs * 2 * 1_255_167
    assert schedule.start == "resnet50"


def test_the_preset_is_the_published_networks_at_224_pixels() -> None:
    params = params_of("paper")
    assert (params.imagenet.ilsvrc.path, params.imagenet.ilsvrc.resolution) == ("/data/Image Net", 224)
    assert params.budgets.pretrained_networks.source == "published"
    assert params.imagenet.cgn_score.network == "inception"
    assert (params.seed, params.device, params.threads) == (3, "cuda", 8)


def test_the_factors_of_the_released_code() -> None:
    params = params_of("released").imagenet
    cgn = params.cgn
    l_rec = [cgn.lambda_perceptual * cgn.gram_factor] * 4
    assert l_rec == pytest.approx(released_factors([4, 4, 4, 4]))
    assert cgn.lambda_texture * cgn.gram_factor == pytest.approx(released_factors([5])[0])
    assert cgn.texture_taps == "middle"  # of 0, 5, 5 and 0
    assert params.saliency.normalisation == "raw"


def test_an_unknown_preset() -> None:
    with pytest.raises(UserError, match=r"^--preset ours: not one of paper, released"):
        params_of("ours")


def test_one_run_makes_the_rows_of_all_tables(root: Path) -> None:
    """DVC knows the targets, and what they need."""
    names = [f"imagenet/dvc.yaml:{name}" for name in imagenet.TARGETS]
    done = subprocess.run(
        ["dvc", "repro", "--dry", "--force", *names], cwd=root, capture_output=True, text=True
    )
    for stage in ("train_ensemble@generated", "ablate_imagenet_cgn", "sample_imagenet_counterfactuals"):
        assert stage in done.stdout, done.stderr


def made_up() -> dict[str, Any]:
    """Scores as the stages write them for the world `imagenet`."""
    rows = ("in", "sin", "in_sin", "ensemble", "shape", "texture", "background")
    top = {"test_images": {"top1": 75.0, "top5": 92.0}}
    in9 = {"original": 95.0, "mixed_same": 85.0, "mixed_rand": 77.5, "bg_gap": 7.5, "images": {}}
    conflict = {"shape_bias": 22.0, "shape_correct": 22, "texture_correct": 78, "images": 1280}
    of_cgn = {"inception_score": 131.0, "mask_mean": 0.31, "mask_entropy": 0.05}
    how = {"images": 50_000, "splits": 2, "truncation": 1.0, "network": "inception"}
    return {
        "accuracy": dict.fromkeys(rows, top),
        "in9": dict.fromkeys(rows, in9),
        "cue_conflict": dict.fromkeys(rows, conflict),
        "cgn": {"cgn": of_cgn | how, "ablation": dict.fromkeys(ROWS, of_cgn)},
    }


def cells_of(text: str) -> list[list[str]]:
    return [
        [cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if "|" in line
    ]


def test_the_page_has_the_papers_values_beside_ours() -> None:
    run = {"commit": "c1", "preset": "paper", "seed": 0, "changes": "-S 'launch.processes=8'"}
    text = page(run, made_up())
    assert "changed by `-S 'launch.processes=8'`" in text
    assert "of the network `inception`" in text
    cells = cells_of(text)
    assert ["none", "131.0 (130.2)", "0.310 (0.3)", "0.050", "–", "–"] in cells
    assert ["plain (IN)", "22.0 (21.4)", "75.0 (76.1)", "92.0 (92.9)"] in cells
    assert ["IN + CGN: ensemble", "95.0 (94.2)", "85.0 (83.4)", "77.5 (80.1)", "7.5 (3.3)"] in cells
    assert "Oracle" not in text  # which this run does not have


@pytest.mark.parametrize(
    ("score", "numbers"), [("accuracy", "3"), ("cue_conflict", "3"), ("in9", "4"), ("cgn", "1")]
)
def test_the_page_of_a_part(score: str, numbers: str) -> None:
    run = {"commit": "c1", "preset": "released", "seed": 1, "changes": ""}
    text = page(run, {score: made_up()[score]})
    assert [line[9] for line in text.splitlines() if line.startswith("## ")] == [numbers]
    if score == "cue_conflict":
        assert ["restyled (SIN)", "22.0 (81.4)", "– (60.2)", "– (82.6)"] in cells_of(text)
