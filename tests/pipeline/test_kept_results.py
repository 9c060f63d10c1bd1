"""Experiments that run stages of their own, at the size of `smoke`; others are in test_dvc.py."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.pipeline.conftest import Run


@pytest.fixture
def clean(dvc: Run) -> Run:
    """The smoke copy with what its commit has; seed 0 comes from DVC's cache where nothing is changed."""
    dvc("git", "checkout", "--force", "--quiet", ".")
    dvc("dvc", "checkout", "--force")
    return dvc


def run_of(path: Path) -> dict[str, Any]:
    kept = json.loads(path.read_text(encoding="utf-8"))
    assert all(
        0 <= kept["accuracies"][method]["test_accuracy"] <= 100 for method in kept.get("accuracies", {})
    )
    found: dict[str, Any] = kept["run"]
    return found


def test_figures_of_a_run_that_is_not_there(clean: Run) -> None:
    said = clean("python", "-m", "experiments.emoji_figures", "7", status=1)
    assert said == "emoji_figures: error: emoji-7: no such DVC experiment here; run it first\n"


@pytest.mark.long
def test_a_deviation(clean: Run, smoke: Path) -> None:
    kept = smoke / "reports/deviations/wildlife_mnist/none/seed_0.json"
    shutil.rmtree(smoke / "reports/deviations")  # of another profile
    words = ["--variant", "wildlife_mnist", "--deviation", "none", "--seed", "0"]
    clean("python", "-m", "experiments.deviations", *words)
    assert run_of(kept)["profile"] == "smoke"


@pytest.mark.long
def test_a_study(clean: Run, smoke: Path) -> None:
    shutil.rmtree(smoke / "reports/studies", ignore_errors=True)  # of another profile
    words = ["interventional", "--seed", "0", "--variant", "colored_mnist"]
    clean("python", "-m", "experiments.studies", *words)
    results = [*(smoke / "reports/studies/interventional/colored_mnist").rglob("seed_0.json")]
    assert len(results) == 3
    assert {run_of(path)["profile"] for path in results} == {"smoke"}
    table = (smoke / "reports/studies/interventional.md").read_text(encoding="utf-8")
    assert "`python -m experiments.studies interventional`" in table
