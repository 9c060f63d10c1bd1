"""The search for the baselines' settings: its size, its rule and its bad input."""

from pathlib import Path

import pytest

from cgn.errors import UserError
from cgn.io.files import write_json
from cgn.report.names import VARIANT_TITLES
from experiments import tuning
from experiments.settings import effective_parameters, overridden
from experiments.tuning import SEARCH, configurations, main, methods_of, results_of, selected, turns
from tests.conftest import copy_params

SMOKE = [
    "profile=smoke",
    *("budgets/smoke.yaml:train_classifiers.image_passes=640", "threads=1"),
    "budgets/smoke.yaml:mnist.classifier.decays=2",
]


@pytest.fixture
def workspace(tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    copy_params(root, tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CGN_SCRATCH", str(tmp_path / "scratch"))
    return tmp_path


def test_no_method_has_more_than_eight_settings_and_all_are_valid(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root)
    for method in SEARCH:
        settings = configurations(method)
        assert len(settings) <= 8
        for one in settings:
            overridden([f"budgets/laptop.yaml:{key}={value}" for key, value in one.items()])


@pytest.mark.parametrize("variant", VARIANT_TITLES)
def test_the_profile_paper_has_what_is_selected(
    variant: str, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root)
    params, chosen = overridden(["profile=paper"]), selected(variant)
    assert set(chosen) == {key for knobs in SEARCH.values() for key in knobs}  # all searches have ended
    for method, knobs in SEARCH.items():
        own = effective_parameters(params, variant, {"irm": "irm_2"}.get(method, method))
        found = {key: own[key if key in own else f"budgets.{key}"] for key in knobs}
        assert found == {key: chosen[key] for key in knobs}
        assert found in [result["settings"] for result in results_of(variant, method)]


def test_a_run_of_a_stage_tries_settings_of_all_searches(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (methods_of("irm"), methods_of("gan")) == (["irm_2", "irm_5"], ["gan"])
    monkeypatch.setitem(SEARCH, "lntl", {"reversal_weight": [1, 2]})
    monkeypatch.setitem(SEARCH, "augmentation", {"share": [0.2, 0.5, 0.9]})
    write_json(tuning.FOLDER / "colored_mnist/augmentation.json", [{"settings": {"share": 0.5}}])
    assert list(turns("colored_mnist", ["lntl", "augmentation"])) == [
        {"lntl": {"reversal_weight": 1}, "augmentation": {"share": 0.2}},
        {"lntl": {"reversal_weight": 2}, "augmentation": {"share": 0.9}},
    ]
    assert selected("colored_mnist") == {}  # a search that has not ended selects nothing


def test_the_highest_accuracy_in_the_training_environments_is_selected(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(SEARCH, "irm", {"methods.irm.penalty": [1, 10]})
    results = [
        {"settings": {"methods.irm.penalty": penalty}, "held_out_accuracy": held_out, "methods": {}}
        for penalty, held_out in ((1, 97.0), (10, 98.0))
    ]
    control = results[0] | {"settings": tuning.CONTROLS["irm"][0], "held_out_accuracy": 99.0}
    write_json(tuning.FOLDER / "wildlife_mnist" / "irm.json", [*results, control])
    assert selected("wildlife_mnist") == {"methods.irm.penalty": 10}


@pytest.mark.parametrize(
    ("method", "variant", "setting", "message"),
    [
        ("erm", "colored_mnist", "seed=1", "METHOD erm: not one of irm"),
        ("irm", "red_mnist", "seed=1", "--variant red_mnist: not one of"),
        ("irm", "colored_mnist", "seed", "-S: params.yaml: Error parsing override 'seed' missing EQUAL"),
        (
            "irm",
            "colored_mnist",
            "methods.irm.penalti=1",
            "params.yaml: Could not override 'methods.irm.penalti'",
        ),
        ("irm", "colored_mnist", "methods.irm.weight_decay=-1", "params.yaml: methods.irm.weight_decay: "),
        ("irm", "colored_mnist", "budgets/none.yaml:digits.train=1", "no file budgets/none.yaml"),
        ("irm", "colored_mnist", "threads.x=1", "Could not override 'threads.x'"),
        ("irm", "colored_mnist", "methods.irm.weight_decay=[1", "-S: params.yaml: "),
    ],
)
def test_bad_input(workspace: Path, method: str, variant: str, setting: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        main([method], [variant], [*SMOKE, setting])
    assert not (workspace / "reports").exists()
