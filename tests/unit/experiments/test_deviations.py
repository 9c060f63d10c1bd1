"""The table of deviations from the paper, each switched back alone."""

from pathlib import Path

import pytest

from cgn.io.files import write_json
from experiments import deviations
from experiments.experiment import Outcome
from experiments.settings import overridden


def _outcome(accuracy: float, commit: str) -> Outcome:
    classifiers = {
        name: {"test_accuracy": accuracy} for name in ("original", "cgn", "cgn_only", "cgn_abduction")
    }
    mechanisms = {"healthy_classes": 9, "mask_digit_accuracy": 96.25, "inverted_masks": 0.5, "diversity": 1.0}
    return Outcome(classifiers, mechanisms, {"profile": "laptop", "seed": 0, "commit": commit}, {})


def test_a_row_for_each_result_that_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for variant, name, outcome in (
        ("wildlife_mnist", "mask_interval", _outcome(50.26, "c2")),
        ("wildlife_mnist", "none", _outcome(60.0, "c1")),
    ):
        write_json(deviations.FOLDER / variant / f"{name}.json", deviations.measured(outcome))

    deviations.collect()
    text = (tmp_path / "reports/deviations/deviations.md").read_text()
    assert "commit c1, c2." in text
    rows = [
        [cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line[:2] == "| "
    ]
    assert rows[1] == ["Wildlife MNIST", "nothing switched back", "9", "96.2", "0.5", *["60.0"] * 3]
    assert rows[2] == ["Wildlife MNIST", "mean of the mask in [0.1, 0.9]", "9", "96.2", "0.5", *["50.3"] * 3]
    assert len(rows) == 3


@pytest.mark.parametrize("name", deviations.DEVIATIONS)
def test_each_changes_a_parameter_to_a_valid_value(
    name: str, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root)
    changed = overridden(deviations.settings_of(name))
    assert (changed != overridden([])) == (name != "none")
