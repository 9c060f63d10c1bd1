"""Experiments that run stages of their own, at the size of `smoke`; others are in test_dvc.py."""

import json
from pathlib import Path

import pytest

from tests.pipeline.conftest import Run


@pytest.fixture
def clean(dvc: Run) -> Run:
    dvc("git", "checkout", "--force", "--quiet", ".")
    dvc("dvc", "checkout", "--force")
    return dvc


@pytest.mark.slow
def test_a_deviation(clean: Run, smoke: Path) -> None:
    words = ["--variant", "wildlife_mnist", "--deviation", "lambda_border", "--seed", "7"]
    clean("python", "-m", "experiments.deviations", *words)
    kept = smoke / "reports/deviations/wildlife_mnist/lambda_border/seed_7.json"
    assert json.loads(kept.read_text(encoding="utf-8"))["run"]["profile"] == "smoke"
    assert "lambda_border" not in clean("git", "status", "--porcelain", "params.yaml")


@pytest.mark.slow
def test_a_study(clean: Run, smoke: Path) -> None:
    words = [
        "python",
        "-m",
        "experiments.studies",
        "interventional",
        "--seed",
        "7",
        "--variant",
        "colored_mnist",
    ]
    clean(*words)
    results = sorted((smoke / "reports/studies/interventional").rglob("seed_7.json"))
    assert results
    assert "`python -m experiments.studies interventional`" in (
        smoke / "reports/studies/interventional.md"
    ).read_text(encoding="utf-8")
