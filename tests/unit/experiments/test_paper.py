"""Runs at the paper's sizes beside the results that are kept in the repository."""

from pathlib import Path

import pytest

from cgn.errors import UserError
from experiments import paper


@pytest.fixture(autouse=True)
def kept(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The committed results, all of them said to be complete: nothing is trained here."""
    monkeypatch.chdir(root)
    monkeypatch.setattr(paper, "is_complete", lambda *_: True)


@pytest.mark.parametrize("variant", ["colored_mnist", "double_colored_mnist", "wildlife_mnist"])
def test_where_the_digits_lie_is_no_other_setting(variant: str, capsys: pytest.CaptureFixture[str]) -> None:
    paper.run(0, [variant], set_param=[])  # downloads
    of_files = ["budgets.paper.digits.source=idx", "budgets.paper.digits.folder=/elsewhere/mnist"]
    paper.run(0, [variant], set_param=of_files)
    told = capsys.readouterr().out.splitlines()
    assert told[0] == told[1]
    again = f"rm reports/paper/results/{variant}/*/seed_0.json"
    assert told[0] == f"{variant}, seed 0: has its results; to run it again, {again}"


@pytest.mark.parametrize("setting", ["mnist.cgn.lambda_mask=100", "budgets.paper.digits.train=1000"])
def test_no_seed_runs_beside_those_of_other_settings(setting: str) -> None:
    with pytest.raises(UserError, match=r"seed_0\.json: its results have other settings; move .* away"):
        paper.run(7, ["colored_mnist"], set_param=[setting])


def test_no_variant_runs_beside_an_unknown_one() -> None:
    with pytest.raises(UserError, match=r"^--variant fog: not one of colored_mnist, "):
        paper.run(0, ["colored_mnist", "fog"], set_param=["mnist.cgn.lambda_mask=100"])


def test_the_results_of_a_stage_are_those_of_its_methods(capsys: pytest.CaptureFixture[str]) -> None:
    paper.run(0, ["colored_mnist"], "train_on_biased", [])
    again = capsys.readouterr().out.partition(" rm ")[2].split()
    assert again == [
        f"reports/paper/results/colored_mnist/{method}/seed_0.json"
        for method in ("original", "lntl", "augmentation")
    ]


def test_a_stage_that_trains_no_classifier_is_refused() -> None:
    stages = "train_on_biased, train_on_environments, train_on_generated"
    with pytest.raises(UserError, match=f"^--stage train_cgn: not one of {stages}$"):
        paper.run(0, ["colored_mnist"], "train_cgn", [])
