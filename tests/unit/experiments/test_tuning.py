"""The search for the methods' settings: its size, its rules and its bad input."""

from itertools import zip_longest
from pathlib import Path
from typing import Any

import pytest

from cgn.errors import UserError
from cgn.io.files import write_json
from cgn.report.names import VARIANT_TITLES
from experiments.selection import (
    CONTROLS,
    FOLDER,
    SEARCH,
    WIDER,
    configurations,
    marks,
    methods_of,
    results_of,
    selected,
)
from experiments.settings import effective_parameters, overridden
from experiments.tuning import main, overrides, turns

SMOKE = [
    "profile=smoke",
    *("budgets/smoke.yaml:train_classifiers.updates=20", "threads=1"),
    "budgets/smoke.yaml:mnist.classifier.decays=2",
]


def test_every_grid_has_eight_settings_and_all_settings_are_valid(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root)
    for search in SEARCH:
        assert len(configurations(search)) - len(WIDER.get(search, ())) == 8
    for settings in zip_longest(*map(configurations, SEARCH), fillvalue={}):
        overridden(["profile=paper", *(word for one in settings for word in overrides(one, "paper"))])


@pytest.mark.parametrize("variant", VARIANT_TITLES)
def test_the_profile_paper_has_what_is_selected(
    variant: str, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root)
    params, chosen = overridden(["profile=paper"]), selected(variant)
    for search, knobs in SEARCH.items():
        if knobs.keys() <= chosen.keys():  # the search has ended
            own = effective_parameters(params, variant, {"irm": "irm_2"}.get(search, search))
            found = {key: own[key if key in own else f"budgets.{key}"] for key in knobs}
            assert found == {key: chosen[key] for key in knobs}
            assert found in [result["settings"] for result in results_of(variant, search)]


def test_a_run_of_a_stage_tries_settings_of_all_searches(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (methods_of("irm"), methods_of("gan")) == (["irm_2", "irm_5"], ["gan"])
    monkeypatch.setitem(SEARCH, "lntl", {"reversal_weight": [1, 2]})
    monkeypatch.setitem(SEARCH, "augmentation", {"share": [0.2, 0.5, 0.9]})
    write_json(FOLDER / "colored_mnist/augmentation.json", [{"settings": {"share": 0.5}, "seed": 0}])
    assert list(turns("colored_mnist", ["lntl", "augmentation"])) == [
        {"lntl": {"reversal_weight": 1}, "augmentation": {"share": 0.2}},
        {"lntl": {"reversal_weight": 2}, "augmentation": {"share": 0.9}},
    ]
    assert selected("colored_mnist") == {}  # a search that has not ended selects nothing


def test_each_rule_selects_by_its_accuracy(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SEARCH, "irm", {"methods.irm.penalty": [1, 10]})

    def result(
        settings: dict[str, Any], held_out: float, random_cues: float, seed: int = 0
    ) -> dict[str, Any]:
        accuracies = {"held_out_accuracy": held_out, "random_cue_accuracy": random_cues}
        return {"settings": settings, "seed": seed, "methods": {"irm_2": accuracies}}

    one, ten = ({"methods.irm.penalty": penalty} for penalty in (1, 10))
    first = [result(one, 97.0, 60.0), result(ten, 98.0, 50.0), result(CONTROLS["irm"][0], 99.0, 90.0)]
    path = FOLDER / "wildlife_mnist" / "irm.json"
    write_json(path, first)
    assert selected("wildlife_mnist") == ten
    assert selected("wildlife_mnist", "random_cues") == one
    assert list(turns("wildlife_mnist", ["irm"], 1)) == [{"irm": ten}, {"irm": one}]
    others = [result(ten, 95.5, 50.0, 1), result(ten, 97.0, 50.0, 2), result(one, 97.0, 61.0, 1)]
    write_json(path, [*first, *others])
    assert [marks("wildlife_mnist", "irm", one) for one in first] == [
        "not clearly worse by training environments, selected by random cues",  # 1 of 1.3 points
        "selected by training environments",
        "control",
    ]


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
