"""Studies: their settings are valid parameters, and their table and chart are those of the kept results."""

from pathlib import Path
from typing import Any

import pytest

from cgn.errors import UserError
from cgn.io.files import read_json, write_json
from experiments import studies
from experiments.settings import overridden
from experiments.study_grids import STUDIES
from experiments.study_results import Result, difference, distances, recommended
from experiments.training_stage import training_stages

RUN = {"profile": "laptop", "commit": "c1"}


@pytest.mark.parametrize("study", STUDIES)
def test_every_combination_is_valid_and_differs_from_the_others(
    study: str, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root)
    found = STUDIES[study]
    variant = found.variants[-1]
    cells = list(found.cells(variant))
    profile = found.profile or "laptop"
    changed = [
        overridden([f"profile={profile}", *found.settings(cell, profile)]).model_dump_json() for cell in cells
    ]
    assert len(set(changed)) == len(cells)
    paths = {studies.result_path(study, variant, cell, 0) for cell in cells}
    assert len(paths) == len(cells)
    trained = {method for methods in training_stages().values() for method in methods}
    assert set(found.methods) <= trained


def test_colored_has_ratios_up_to_ten() -> None:
    figure_7 = STUDIES["figure_7"]
    assert len(list(figure_7.cells("wildlife_mnist"))) == 16
    assert {cell[1] for cell in figure_7.cells("colored_mnist")} == {"1", "5", "10"}


def test_the_largest_set_of_figure_7_is_shown_whole(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)
    params = overridden(STUDIES["figure_7"].settings(("100,000", "1"), "laptop"))
    batch, share = params.mnist.classifier.batch, params.methods.cgn.of("wildlife_mnist").real_share
    shown = params.budgets.train_classifiers.updates * (batch - round(share * batch))
    assert shown >= params.budgets.sample_counterfactuals.images == 100_000


def test_differences_are_told_for_each_level_of_the_other_axis(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A ratio may help with many images and do harm with few."""
    monkeypatch.chdir(tmp_path)
    for seed in range(2):
        for count, gain in (("100", -4), ("1,000", 2)):
            for ratio in ("1", "10"):
                accuracy = 50.0 + seed + (gain if ratio == "10" else 0)
                _write("figure_7", "wildlife_mnist", (count, ratio), seed, accuracy)
    studies.collect("figure_7")
    lines = (tmp_path / "reports/studies/figure_7.md").read_text(encoding="utf-8").splitlines()
    cells = [[cell.strip() for cell in line.split("|")[3:-1]] for line in lines if "Original + CGN |" in line]
    told = {at: points for compared, at, points in cells if compared == "ratio: 10 against 1"}
    assert told == {
        "all": "−1.0 ± 0.0, clear of 0",
        "counterfactuals 100": "−4.0 ± 0.0, clear of 0",
        "counterfactuals 1,000": "+2.0 ± 0.0, clear of 0",
    }


def test_further_seeds_have_the_ends_of_the_longer_trainings_only() -> None:
    steps = STUDIES["steps"]
    assert list(steps.cells("wildlife_mnist")) == [("4,000",), ("8,000",), ("16,000",)]
    assert list(steps.cells("wildlife_mnist", first_seed=False)) == [("4,000",), ("16,000",)]


def test_environments_move_with_the_correlation(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)
    study = STUDIES["correlation"]
    moved = overridden(study.settings(("90 %",), "laptop"))
    assert moved.mnist.correlation == 0.9
    irm = moved.methods.irm.of("colored_mnist")
    assert irm.correlations("irm_2") == [0.8, 0.9]
    assert irm.correlations("irm_5") == [0.8, 0.825, 0.85, 0.875, 0.9]
    assert moved.methods.group_dro.of("colored_mnist").environments == irm.correlations("irm_5")
    assert overridden(study.settings(("100 %",), "laptop")) == overridden([])  # the paper's


def _result(seed: int, count: str, ratio: str, accuracy: float, method: str = "cgn") -> Result:
    return Result("wildlife_mnist", method, (count, ratio), seed, accuracy, accuracy, {})


def test_differences_are_paired_by_seed_and_by_the_other_axis() -> None:
    # The seed and the number matter much, the ratio by 1, 2 and 3 points.
    results = [
        _result(seed, count, ratio, 40 + 10 * seed + of_count + (seed + 1 if ratio == "10" else 0))
        for seed in range(3)
        for count, of_count in (("100", 0), ("1,000", 20))
        for ratio in ("1", "10")
    ]
    found = difference(results, 1, "10", "1")
    assert found is not None
    assert (found.mean, found.seeds) == (pytest.approx(2), 3)
    assert found.half == pytest.approx(4.303 * 1 / 3**0.5)
    assert "clear" not in found.text()
    of_count = difference(results, 0, "1,000", "100")
    assert of_count is not None
    assert of_count.text() == "+20.0 ± 0.0, clear of 0"
    assert difference(results, 1, "20", "1") is None
    lone = difference(results[:4], 1, "10", "1")
    assert lone is not None
    assert lone.text() == "+1.0 (one seed)"


def test_distances_are_paired_by_seed() -> None:
    results = [
        _result(seed, "100", "1", 90.0 + seed - below, method)
        for seed in range(2)
        for method, below in (("cgn", 6 + seed), ("oracle", 0))
    ]
    ((place, found),) = distances(results, "oracle").items()
    assert place == ("wildlife_mnist", "cgn", ("100", "1"))
    assert (found.mean, found.seeds) == (6.5, 2)


def test_what_is_recommended_is_best_over_all_columns() -> None:
    """A level that is best at one strength only, or that lacks a result, is not the recommended one."""
    accuracies = {("0", "100 %"): 70, ("0", "90 %"): 70, ("0.5", "100 %"): 50, ("0.5", "90 %"): 80}
    results = [_result(0, *levels, accuracy) for levels, accuracy in accuracies.items()]
    results.append(_result(0, "0.9", "90 %", 99))
    table = recommended(results)
    assert list(table.index) == ["0", "0.5", "0.9"]
    assert table["mean"].tolist()[:2] == [70, 65]
    assert table["mean"].isna().tolist() == [False, False, True]


def _write(study: str, variant: str, cell: tuple[str, ...], seed: int, accuracy: float, *given: str) -> None:
    of_one = {"test_accuracy": accuracy, "random_cues_accuracy": accuracy - 1}
    accuracies = dict.fromkeys(STUDIES[study].methods, of_one)
    path = studies.result_path(study, variant, cell, seed)
    write_json(
        path, {"accuracies": accuracies, "settings": [f"seed={seed}", *given], "run": RUN | {"seed": seed}}
    )


@pytest.mark.parametrize("study", STUDIES)
def test_table_and_chart_of_what_is_there(
    study: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    studies.collect(study)
    assert not (tmp_path / "reports").exists()
    found = STUDIES[study]
    for variant in found.variants[-2:]:
        for number, cell in enumerate(list(found.cells(variant))[:5]):
            for seed in range(2 if variant == found.variants[-1] else 1):
                _write(study, variant, cell, seed, 50.0 + number + seed)

    studies.collect(study)
    text = (tmp_path / f"reports/studies/{study}.md").read_text(encoding="utf-8")
    assert f"`python -m experiments.studies {study}`, profile laptop, seeds 0, 1, commit c1." in text
    assert "| 50.5 ± 0.7 (2)" in text
    assert ("| 50.0 (1)" in text) == (len(found.variants) > 1)
    assert "+1.0 ± 0.0, clear of 0" in text
    assert ("Points below Oracle" in text) == (study in ("steps", "masks"))
    assert ("validation digits with random cues" in text) == (study == "real_share")
    chart = tmp_path / f"reports/studies/{found.figure or study}.svg"
    drawn = chart.read_bytes()
    studies.collect(study)
    assert chart.read_bytes() == drawn


def test_studies_of_the_shortcut_share_a_figure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    sizes = []
    for study in ("correlation", "color_variance"):
        for cell in STUDIES[study].cells("colored_mnist"):
            _write(study, "colored_mnist", cell, 0, 50.0)
        studies.collect(study)
        sizes.append(len((tmp_path / "reports/studies/shortcut.svg").read_bytes()))
    assert sizes[1] > 1.2 * sizes[0]  # a panel more
    assert [path.name for path in sorted((tmp_path / "reports/studies").glob("*.svg"))] == ["shortcut.svg"]


def test_what_has_a_result_is_not_run_again(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor is anything run beside results of another profile."""
    ran: list[tuple[str, int, list[str]]] = []

    def measured(study: str, variant: str, seed: int, settings: list[str]) -> dict[str, Any]:
        ran.append((variant, seed, settings))
        of_one = {"test_accuracy": 50.0, "random_cues_accuracy": 50.0}
        return {"accuracies": dict.fromkeys(STUDIES[study].methods, of_one), "run": RUN}

    monkeypatch.setattr(studies, "measured", measured)
    _write("interventional", "colored_mnist", ("all shared",), 1, 50.0, "threads=1")
    studies.main("interventional", [1], ["colored_mnist"], ["threads=1"])
    settings = ["mnist.counterfactuals.ratio=1", "mnist.counterfactuals.noise=per_mechanism"]
    assert ran[0] == ("colored_mnist", 1, [*settings, "seed=1", "threads=1"])
    assert len(ran) == 2
    kept = read_json(studies.result_path("interventional", "colored_mnist", ("shape shared",), 1))
    assert (kept["run"], kept["settings"]) == (RUN, ["seed=1", "threads=1"])
    with pytest.raises(UserError, match=r"seed_1\.json: of the profile laptop, not smoke; move it away"):
        studies.main("interventional", [2], ["colored_mnist"], ["profile=smoke"])
    assert len(ran) == 2


def test_an_unknown_study() -> None:
    with pytest.raises(UserError, match=r"^figure_8: not one of figure_7, "):
        studies.main("figure_8", [0], [], [])
