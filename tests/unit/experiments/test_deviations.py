"""The table of deviations from the paper, each switched back alone."""

from pathlib import Path
from typing import Any

import pytest

from cgn.io.files import write_json
from experiments import deviations
from experiments.settings import overridden


def _result(accuracies: dict[str, float], commit: str) -> dict[str, Any]:
    health = {"healthy_classes": 9, "mask_digit_accuracy": 96.2, "inverted_masks": 0.5}
    return health | accuracies | {"run": {"profile": "laptop", "commit": commit}}


def test_a_row_for_each_deviation_with_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    all_methods = dict.fromkeys(deviations.METHODS, 50.0)
    for name, seed, result in (
        ("mask_interval", 0, _result({}, "c2")),
        ("none", 0, _result(all_methods, "c1")),
        ("none", 1, _result(all_methods | {"cgn": 52.0}, "c1")),
    ):
        write_json(deviations.FOLDER / "wildlife_mnist" / name / f"seed_{seed}.json", result)

    deviations.collect()
    text = (tmp_path / "reports/deviations/deviations.md").read_text()
    assert "commit c1, c2." in text
    rows = [
        [cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line[:2] == "| "
    ]
    steady = ["9.0 ± 0.0", "96.2 ± 0.0", "0.5 ± 0.0"]
    accuracies = ["51.0 ± 1.4", "50.0 ± 0.0", "50.0 ± 0.0"]
    assert rows[1] == ["Wildlife MNIST", "nothing switched back", "2", *steady, *accuracies]
    single = ["9.0", "96.2", "0.5", *["–"] * 3]
    assert rows[2] == ["Wildlife MNIST", "mean of the mask in [0.1, 0.9]", "1", *single]
    assert len(rows) == 3


@pytest.mark.parametrize("name", deviations.DEVIATIONS)
def test_each_changes_a_parameter_to_a_valid_value(
    name: str, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root)
    changed = overridden(deviations.settings_of(name))
    assert (changed != overridden([])) == (name != "none")
