"""Runs at the paper's sizes beside the results that are kept in the repository."""

import shutil
from pathlib import Path

import pytest

from cgn.errors import UserError
from cgn.io.files import read_json, write_json
from cgn.report.names import METHOD_TITLES, VARIANT_TITLES
from cgn.report.paper_runs import MECHANISMS, write_parameters
from experiments import paper
from experiments.experiment import Outcome
from experiments.settings import effective_parameters, overridden
from experiments.training_stage import Trained
from tests.conftest import copy_params


@pytest.fixture(autouse=True)
def kept(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Results of the profile, all of them said to be complete: nothing is trained here."""
    copy_params(root, tmp_path)
    shutil.copy(root / "dvc.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(paper, "is_complete", lambda *_: True)
    params = overridden(["profile=paper"])
    for variant in VARIANT_TITLES:
        for name in (*METHOD_TITLES, "mechanisms"):
            write_parameters(paper.RESULTS, variant, {name: effective_parameters(params, variant, name)})
            write_json(paper.RESULTS / variant / name / "seed_0.json", {})


def test_make_paper_adds_a_seed_to_the_profile(monkeypatch: pytest.MonkeyPatch) -> None:
    settings: list[str] = []

    def run_experiment(name: str, variant: str, given: list[str], scratch: Path) -> Outcome:
        settings.extend(given)
        return Outcome({}, {}, {}, {})

    monkeypatch.setattr(paper, "is_complete", lambda *_: False)
    monkeypatch.setattr(paper, "run_experiment", run_experiment)
    for name in ("write_results", "write_parameters", "collect"):
        monkeypatch.setattr(paper, name, lambda *_: None)
    paper.run(7, ["wildlife_mnist"], set_param=[])
    assert overridden(settings) == overridden(["profile=paper"]).model_copy(update={"seed": 7})


def test_results_of_the_released_protocol_are_kept_apart(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    paper.run(0, ["colored_mnist"], profile="released", set_param=[])
    assert "rm reports/paper/released/colored_mnist/*/seed_0.json" in capsys.readouterr().out
    with pytest.raises(UserError, match=r"^--profile laptop: not one of paper, released$"):
        paper.run(0, ["colored_mnist"], profile="laptop", set_param=[])


@pytest.mark.parametrize("variant", ["colored_mnist", "double_colored_mnist", "wildlife_mnist"])
def test_where_the_digits_lie_is_no_other_setting(variant: str, capsys: pytest.CaptureFixture[str]) -> None:
    paper.run(0, [variant], set_param=[])  # downloads
    of_files = ["source=idx", "folder=/elsewhere/mnist"]
    paper.run(0, [variant], set_param=[f"budgets/paper.yaml:digits.{of}" for of in of_files])
    told = capsys.readouterr().out.splitlines()
    assert told[0] == told[1]
    again = f"rm reports/paper/results/{variant}/*/seed_0.json"
    assert told[0] == f"{variant}, seed 0: has its results; to run it again, {again}"


@pytest.mark.parametrize(
    ("setting", "refused", "difference"),
    [
        (
            "mnist.cgn.lambda_mask=100",
            ["cgn", "cgn_only", "cgn_abduction", "mechanisms"],
            "mnist.cgn.lambda_mask is 50.0 there and 100.0 here",
        ),
        (
            "budgets/paper.yaml:methods.lntl.reversal_weight=1",
            ["lntl"],
            "methods.lntl.reversal_weight is 0.1 there and 1.0 here",
        ),
        (
            "budgets/paper.yaml:digits.train=1000",
            [*METHOD_TITLES, "mechanisms"],
            "budgets.digits.train is 50000 there and 1000 here",
        ),
    ],
)
def test_no_seed_runs_beside_results_of_other_parameters(
    setting: str, refused: list[str], difference: str
) -> None:
    with pytest.raises(UserError, match=r"^results of other parameters: ") as failure:
        paper.run(7, ["colored_mnist"], set_param=[setting])
    told = str(failure.value).removeprefix("results of other parameters: ").partition("; move them away")
    assert told[0].split("; ") == [f"{name}: {difference}" for name in refused]
    assert told[2].split()[-len(refused) :] == [
        f"reports/paper/results/colored_mnist/{name}" for name in refused
    ]


def test_a_seed_runs_beside_results_of_a_former_profile(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    kept: list[str] = []
    folder, former = paper.RESULTS / "colored_mnist", {"irm_5": {"budgets.train_classifiers.updates": 7}}
    write_parameters(paper.RESULTS, "colored_mnist", former)
    monkeypatch.setattr(paper, "is_complete", lambda *_: False)
    monkeypatch.setattr(paper, "run_experiment", lambda *_: Outcome({}, {}, {}, {}))
    monkeypatch.setattr(paper, "write_results", lambda *given: kept.extend(given[-1]))
    monkeypatch.setattr(paper, "collect", lambda: None)
    paper.run(7, ["colored_mnist"], set_param=[])
    told = "colored_mnist: the kept results of irm_5 have former parameters; a run adds none"
    assert told in capsys.readouterr().out
    assert kept == [name for name in (*METHOD_TITLES, "mechanisms") if name != "irm_5"]
    assert read_json(folder / "irm_5" / "parameters.json") == former["irm_5"]
    # A setting of one's own is no former profile.
    with pytest.raises(UserError, match=r"^results of other parameters: lntl: "):
        paper.run(7, ["colored_mnist"], set_param=["budgets/paper.yaml:methods.lntl.reversal_weight=1"])


def test_the_second_rule_waits_for_the_search() -> None:
    with pytest.raises(
        UserError, match=r"^wildlife_mnist: the search of irm, .* run python -m experiments\."
    ):
        paper.random_cues(0, ["wildlife_mnist"], set_param=[])


def test_a_stage_whose_methods_have_equal_parameters_is_not_refused(
    capsys: pytest.CaptureFixture[str],
) -> None:
    paper.run(0, ["colored_mnist"], ["train_on_biased"], ["mnist.cgn.lambda_mask=100"])
    assert "has its results" in capsys.readouterr().out


def test_no_variant_runs_beside_an_unknown_one() -> None:
    with pytest.raises(UserError, match=r"^--variant fog: not one of colored_mnist, "):
        paper.run(0, ["colored_mnist", "fog"], set_param=["mnist.cgn.lambda_mask=100"])


def test_the_results_of_a_stage_are_those_of_its_methods(capsys: pytest.CaptureFixture[str]) -> None:
    paper.run(0, ["colored_mnist"], ["train_on_biased"], [])
    again = capsys.readouterr().out.partition(" rm ")[2].split()
    assert again == [
        f"reports/paper/results/colored_mnist/{method}/seed_0.json"
        for method in ("original", "lntl", "augmentation")
    ]


def test_several_stages_are_one_experiment(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    scores = {"cgn_abduction": {"train_accuracy": 99.0, "test_accuracy": 96.0}}
    mechanisms = dict.fromkeys([*MECHANISMS, "per_class"], 1.0)

    def run_training_stages(name: str, stages: list[str], *_: object) -> Trained:
        asked.extend([name, *stages])
        return Trained(scores, {"commit": "c1"}, {"models/cgn": "1"})

    monkeypatch.setattr(paper, "is_complete", lambda *_: False)
    monkeypatch.setattr(paper, "run_training_stages", run_training_stages)
    monkeypatch.setattr(paper, "mechanisms_of", lambda name, variant: mechanisms)
    monkeypatch.setattr(paper, "collect", lambda: None)
    stages = ["train_on_abducted", "score_mechanisms"]
    paper.run(7, ["colored_mnist"], stages, [])
    assert asked == ["paper-colored-mnist-7-train-on-abducted-score-mechanisms", *stages]
    folder = paper.RESULTS / "colored_mnist"
    assert read_json(folder / "cgn_abduction/seed_7.json") == scores["cgn_abduction"]
    assert read_json(folder / "mechanisms/seed_7.json") == dict.fromkeys(MECHANISMS, 1.0)
    for stage in stages:
        words = "--variant colored_mnist --stage train_on_abducted --stage score_mechanisms"
        facts = {"commit": "c1", "command": f"python -m experiments.paper run 7 {words}"}
        assert read_json(folder / stage / "seed_7.json") == facts | {"digests": {"models/cgn": "1"}}


def test_a_stage_without_results_is_refused() -> None:
    data = ("biased", "environments", "random_cues", "gan_samples", "counterfactuals", "abducted")
    stages = ", ".join([*(f"train_on_{of}" for of in data), "score_mechanisms"])
    with pytest.raises(UserError, match=f"^--stage train_cgn: not one of {stages}$"):
        paper.run(0, ["colored_mnist"], ["train_cgn"], [])


def test_the_summary_is_the_committed_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, root: Path
) -> None:
    monkeypatch.chdir(root)
    monkeypatch.setattr(paper, "PAPER", tmp_path)
    paper.collect()
    for name in ("mnist.json", "mnist.md"):
        assert (tmp_path / name).read_bytes() == (root / "reports/paper" / name).read_bytes()
