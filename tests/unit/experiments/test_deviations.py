"""The table of deviations from the paper, switched back alone and together."""

from pathlib import Path
from typing import Any

import pytest

from cgn.errors import UserError
from cgn.io.files import write_json
from experiments import deviations
from experiments.settings import overridden


def _result(accuracies: dict[str, float], commit: str) -> dict[str, Any]:
    health = {"healthy_classes": 9, "mask_digit_accuracy": 96.2, "inverted_masks": 0.5}
    return health | accuracies | {"run": {"profile": "laptop", "commit": commit}}


def test_a_row_for_each_deviation_with_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    all_methods = dict.fromkeys(deviations.METHODS, 50.0)
    for name, correlation, seed, result in (
        ("mask_interval", 1.0, 0, _result({}, "c2")),
        ("none", 1.0, 0, _result(all_methods, "c1")),
        ("none", 1.0, 1, _result(all_methods | {"cgn": 52.0}, "c1")),
        ("others", 1.0, 0, _result(all_methods | {"cgn": 49.0, "cgn_only": 40.0}, "c1")),
        ("others", 1.0, 1, _result(all_methods | {"cgn": 53.0, "cgn_only": 41.0}, "c1")),
        ("none", 0.95, 0, _result(all_methods, "c1")),
    ):
        write_json(deviations.result_path("wildlife_mnist", name, correlation, seed), result)

    deviations.collect()
    text = (tmp_path / "reports/deviations/deviations.md").read_text(encoding="utf-8")
    assert "commit c1, c2." in text
    rows = [
        [cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line[:2] == "| "
    ]
    steady = ["9.0 ± 0.0", "96.2 ± 0.0", "0.5 ± 0.0"]
    assert [row[:4] for row in rows[1:]] == [
        ["Wildlife MNIST", "1", "nothing switched back", "2"],
        ["Wildlife MNIST", "1", deviations.DEVIATIONS["others"].paper, "2"],
        ["Wildlife MNIST", "1", "mean of the mask in [0.1, 0.9]", "1"],
        ["Wildlife MNIST", "0.95", "nothing switched back", "1"],
    ]
    assert rows[1][4:] == [*steady, "50.0 ± 0.0", "51.0 ± 1.4", *["50.0 ± 0.0"] * 2, "–", "–"]
    assert rows[2][-2] == "+0.0 ± 0.0, +0.0 ± 1.4, **+9.5 ± 0.7**, +0.0 ± 0.0"
    assert rows[3][-6:-1] == ["–"] * 4 + ["+0.0, –, –, –"]
    assert "read off real digits" in rows[3][-1]


def test_results_without_accuracies_are_made_again(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def measured(path: Path, variant: str, settings: list[str]) -> dict[str, Any]:
        asked.append((path.parent.name, settings))
        return _result(dict.fromkeys(deviations.METHODS, 50.0), "c1")

    monkeypatch.setattr(deviations, "measured", measured)
    write_json(deviations.result_path("wildlife_mnist", "none", 1.0, 0), _result({}, "c1"))
    for _ in range(2):
        deviations.main(["wildlife_mnist"], ["none", "mismatch_weight"], [0], 1.0, ["threads=1"])
    weight = "budgets/laptop.yaml:mnist.cgn.mismatch_weight=[0]"
    assert asked == [("none", ["threads=1", "seed=0"]), ("mismatch_weight", ["threads=1", weight, "seed=0"])]
    with pytest.raises(UserError, match=r"seed_0\.json: its settings differ in device=cuda; run with equal"):
        deviations.main(["wildlife_mnist"], ["translation"], [0], 1.0, ["device=cuda"])
    # The profile faithful is compared with nothing of another profile.
    deviations.main(["wildlife_mnist"], ["all"], [0], 1.0, ["device=cuda"])
    assert asked[2:] == [("all", ["device=cuda", "profile=faithful", "seed=0"])]


@pytest.mark.parametrize("name", deviations.DEVIATIONS)
@pytest.mark.parametrize("correlation", [1.0, 0.95])
def test_each_changes_a_parameter_to_a_valid_value(
    name: str, correlation: float, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root)
    changed = overridden(deviations.settings_of(name, correlation))
    as_given = overridden([f"mnist.correlation={correlation}"])
    assert (changed.mnist != as_given.mnist) == (name != "none")
    assert changed.mnist.correlation == correlation


def test_three_deviations_are_left_when_the_others_are_switched_back(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root)
    ours, others = overridden([]).mnist, overridden(deviations.settings_of("others")).mnist
    of = "wildlife_mnist"
    assert others.cgn[of].mismatch_weight == ours.cgn[of].mismatch_weight
    assert others.adversarial.weight_averaging == ours.adversarial.weight_averaging
    assert others.adversarial.discriminator.translation == ours.adversarial.discriminator.translation
    for name in ("mask_interval", "lambda_border", "mask_warmup", "binary_warmup", "training_noise"):
        assert getattr(others.cgn[of], name) != getattr(ours.cgn[of], name)
    textures = overridden(deviations.settings_of("textures")).mnist
    assert textures.cgn[of].mask_interval == ours.cgn[of].mask_interval
    assert textures.cgn[of].training_noise != ours.cgn[of].training_noise
    start = overridden(deviations.settings_of("textures_and_priors")).mnist.cgn[of]
    assert (start.mask_start_radius, start.lambda_border) == (ours.cgn[of].mask_start_radius, 0)
    digits = overridden(deviations.settings_of("textures_and_digit_priors")).mnist.cgn[of]
    assert (digits.lambda_border, digits.binary_warmup) == (0, ours.cgn[of].binary_warmup)
    everything = overridden(deviations.settings_of(deviations.ALL))
    assert {cgn.source for cgn in everything.mnist.cgn.values()} == {"paper"}
    epochs = everything.budgets.train_cgn.steps * everything.budgets.train_cgn.batch
    assert epochs == 15 * everything.budgets.digits.train
