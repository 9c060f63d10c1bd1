"""Seeds and ablations of the emoji world: their settings, their means, and what seeds say of Table 1."""

import json
from pathlib import Path
from typing import Any

import pytest

from cgn.errors import UserError
from cgn.io.files import read_json, write_json
from cgn.report.ablation import ROWS, AblationScore
from cgn.report.imagenet_scores import CLASSIFIERS, parse_scores
from experiments import emoji
from experiments.emoji_results import verdicts
from experiments.settings import overridden

RUN = {"profile": "laptop", "commit": "c1", "command": "dvc exp run"}


def _scores(shift: float) -> dict[str, Any]:
    """Scores as the stages write them, all of them `shift` higher."""
    top = {"top1": 90.0 + shift, "top5": 95.0}
    accuracy = dict.fromkeys(("test_poses", "test_glyphs", "validation_random_cues"), top)
    in9 = {"original": 99.0, "mixed_same": 98.0, "mixed_rand": 80.0 - shift, "bg_gap": 18.0 + shift}
    conflict = {"shape_bias": 20.0 + shift, "shape_correct": 20, "texture_correct": 80, "images": 360}
    of_cgn = {"inception_score": 6.0 + shift, "mask_mean": 0.2, "mask_entropy": 0.05, "mask_iou": 0.8}
    of_cgn["background_residue"] = 1.0
    how = {"images": 600, "splits": 2, "truncation": 1.0, "network": "oracle"}
    factors = {"photos": 8000, "usable_objects": 7900, "mask_iou": 0.9}
    return {
        "accuracy": dict.fromkeys(CLASSIFIERS, accuracy),
        "in9": dict.fromkeys(CLASSIFIERS, in9),
        "in9_random_surfaces": dict.fromkeys(CLASSIFIERS, in9 | {"bg_gap": 40.0 + shift}),
        "cue_conflict": dict.fromkeys(CLASSIFIERS, conflict),
        "cgn": {"cgn": of_cgn | how, "ablation": dict.fromkeys(ROWS, of_cgn)},
        "factors": {"train": factors},
    }


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The results of two seeds."""
    monkeypatch.chdir(tmp_path)
    for seed in (0, 1):
        settings = [f"seed={seed}", f"threads={seed + 1}", "imagenet.cgn.lambda_mask=7"]
        found = {"scores": _scores(seed), "settings": settings, "run": RUN | {"seed": seed}}
        write_json(emoji.seed_path(seed), found)
    return tmp_path / "reports/emoji"


def test_metrics_have_the_keys_of_one_run_with_a_deviation_beside_each(kept: Path) -> None:
    emoji.collect()
    found = read_json(kept / "metrics.json")
    assert (found["seeds"], found["run"]["seeds"]) == (2, [0, 1])
    one = parse_scores(_scores(0), "").metrics()

    def keys(values: Any, above: str = "") -> set[str]:
        if not isinstance(values, dict):
            return {above}
        return {key for name, below in values.items() for key in keys(below, f"{above}.{name}")}

    asked = keys(one)
    told = {key for key in keys(found) if not key.startswith((".seeds", ".run"))}
    assert {key for key in told if not key.endswith("_std")} == asked
    of_words = {".cgn.network"}
    assert {f"{key}_std" for key in asked - of_words} == told - asked
    gap = found["in9"]["ensemble"]
    assert (gap["bg_gap"], gap["bg_gap_std"]) == (18.5, pytest.approx(0.7071))
    assert (found["cgn"]["images"], found["cgn"]["network"]) == (600, "oracle")


def test_tables_have_means_deviations_and_the_papers_values(kept: Path) -> None:
    emoji.collect()
    text = (kept / "emoji.md").read_text(encoding="utf-8")
    for title in CLASSIFIERS.values():
        assert text.count(f"\n| {title} ") == 3  # the summary, and Tables 3 and 4
    assert "18.5 ± 0.7 (3.3)" in text
    assert "6.5 ± 0.7 (130.2)" in text
    assert "pre-trained networks" in text
    assert "`python -m experiments.emoji seed 0 1 -S imagenet.cgn.lambda_mask=7`, profile laptop" in text
    before = (kept / "metrics.json").read_bytes(), text
    emoji.collect()
    assert ((kept / "metrics.json").read_bytes(), (kept / "emoji.md").read_text(encoding="utf-8")) == before


def test_a_verdict_needs_a_change_beyond_the_seeds_spread() -> None:
    def rows(no_text: float, no_bg: float) -> dict[str, AblationScore]:
        score = AblationScore(inception_score=6, mask_mean=0.2, mask_entropy=0.05)
        changed = {"no_text": no_text, "no_bg": no_bg}
        return {name: score.model_copy(update={"mask_mean": changed.get(name, 0.2)}) for name in ROWS}

    seeds = [rows(0.19, 0.1), rows(0.25, 0.11), rows(0.21, 0.1)]
    told = {sentence.split(":")[0]: sentence for sentence in verdicts(seeds)}
    assert "no clear change" in told["Without L_text"]
    assert "; in the paper's direction (there: the background takes over" in told["Without L_bg"]
    assert "no clear change" in told["Without L_rec"]
    opposite = {sentence.split(":")[0]: sentence for sentence in verdicts([rows(0.1, 0.3), rows(0.11, 0.31)])}
    assert "the opposite of the paper" in opposite["Without L_text"]
    alone = verdicts(seeds[:1])
    assert all("(one seed); no clear change" in sentence for sentence in alone)


def test_ablations_are_compared_with_the_same_seeds(kept: Path) -> None:
    plain = _scores(0)
    of_plain = emoji.measures(plain, plain["cgn"]["cgn"])
    for seed in (1, 2):
        changed = {"measures": of_plain | {"bg_gap": 10.0 + seed}, "run": RUN | {"seed": seed}}
        write_json(emoji.ablation_path("scratch", seed), changed)
    emoji.collect()
    text = (kept / "ablations.md").read_text(encoding="utf-8")
    assert "seeds 1, 2" in text
    means, differences = text.split("Differences to the same seeds")
    # Only seed 1 is in both; with nothing changed its gap is 19.
    assert "19.0 (1)" in means
    assert "11.5 ± 0.7 (2)" in means
    assert "−8.0 (one seed)" in differences
    assert "each mechanism its own" not in text  # an ablation without results


@pytest.mark.parametrize("name", emoji.ABLATIONS)
def test_each_ablation_changes_a_parameter_to_a_valid_value(
    name: str, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root)
    assert overridden(emoji.settings_of(name, "laptop")) != overridden([])


def test_the_questions_state_the_values_of_the_profile(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)
    params = overridden([])
    told = json.dumps([one.question for one in emoji.ABLATIONS.values()])
    assert f"({params.budgets.sample_imagenet_counterfactuals.images:,})" in told
    assert params.imagenet.cgn.start == "pretrained"
    assert params.imagenet.counterfactuals.noise == "shared"
    assert params.imagenet.cgn.patch_source == "ground_truth"
    assert params.methods.ensemble.real_to_counterfactual == 1
    assert params.budgets.pretrained_networks.source == "committed"  # fixed for all seeds


def test_what_has_a_result_is_not_run_again(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ran: list[tuple[str, list[str]]] = []

    def run(experiment: str, stages: list[str], settings: list[str]) -> dict[str, Any]:
        ran.append((experiment, settings))
        return RUN

    monkeypatch.setattr(emoji, "_run", run)
    monkeypatch.setattr(emoji, "_scores", lambda *_: _scores(0))
    monkeypatch.setattr(emoji, "_cgn_scores", lambda *_: _scores(0)["cgn"]["cgn"])
    emoji.seed([3], ["threads=1"])
    emoji.seed([3], ["threads=1"])
    assert ran == [("emoji-3", ["seed=3", "threads=1"])]
    assert "has its result; to run it again, rm reports/emoji/seeds/seed_3.json" in capsys.readouterr().out
    emoji.ablation(["real_20"], [3], ["threads=1"])
    emoji.ablation(["real_20"], [3], ["threads=1"])
    ratio = "budgets/laptop.yaml:methods.ensemble.real_to_counterfactual=0.25"
    assert ran[1:] == [("emoji-real-20-3", [ratio, "seed=3", "threads=1"])]
    with pytest.raises(UserError, match=r"^reports/emoji/.*: of the profile laptop, not smoke; move "):
        emoji.seed([4], ["profile=smoke"])
    with pytest.raises(UserError, match=r"seed_3\.json: its settings differ in device=cuda; run with equal"):
        emoji.ablation(["scratch"], [3], ["device=cuda"])
    with pytest.raises(UserError, match=r"^fog: not one of scratch, "):
        emoji.ablation(["fog"], [0], [])
    assert len(ran) == 2
