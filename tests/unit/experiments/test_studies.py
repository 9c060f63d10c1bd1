"""Studies: their settings are valid parameters, and their table and chart are those of the kept results."""

from pathlib import Path

import pytest

from cgn.io.files import write_json
from cgn.report.names import VARIANT_TITLES
from experiments import studies
from experiments.settings import overridden
from experiments.study_results import Result, difference


@pytest.mark.parametrize("study", studies.STUDIES)
def test_every_combination_is_valid_and_differs_from_the_others(
    study: str, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root)
    found = studies.STUDIES[study]
    cells = list(found.cells("wildlife_mnist"))
    changed = [overridden(found.settings(cell, "laptop")).model_dump_json() for cell in cells]
    assert len(set(changed)) == len(cells)
    paths = {studies.result_path(study, "wildlife_mnist", cell, 0) for cell in cells}
    assert len(paths) == len(cells)


def test_colored_has_ratios_up_to_ten() -> None:
    figure_7 = studies.STUDIES["figure_7"]
    assert len(list(figure_7.cells("wildlife_mnist"))) == 16
    assert {cell[1] for cell in figure_7.cells("colored_mnist")} == {"1", "5", "10"}


def _result(seed: int, count: str, ratio: str, accuracy: float) -> Result:
    return Result("wildlife_mnist", "cgn", (count, ratio), seed, accuracy, {})


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
    assert "clear" not in str(found)
    of_count = difference(results, 0, "1,000", "100")
    assert of_count is not None
    assert str(of_count) == "+20.0 ± 0.0, clear of 0"
    assert difference(results, 1, "20", "1") is None
    lone = difference(results[:4], 1, "10", "1")
    assert lone is not None
    assert str(lone) == "+1.0 (one seed)"


@pytest.mark.parametrize("study", studies.STUDIES)
def test_table_and_chart_of_what_is_there(
    study: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    studies.collect(study)
    assert not (tmp_path / "reports").exists()
    found = studies.STUDIES[study]
    for variant in list(VARIANT_TITLES)[1:]:
        for number, cell in enumerate(list(found.cells(variant))[:5]):
            for seed in range(2 if variant == "wildlife_mnist" else 1):
                accuracies = {method: {"test_accuracy": 50.0 + number + seed} for method in found.methods}
                run = {"profile": "laptop", "commit": "c1", "seed": seed}
                path = studies.result_path(study, variant, cell, seed)
                write_json(path, {"accuracies": accuracies, "run": run})

    studies.collect(study)
    text = (tmp_path / f"reports/studies/{study}.md").read_text(encoding="utf-8")
    assert f"`python -m experiments.studies {study}`, profile laptop, seeds 0, 1, commit c1." in text
    assert "| 50.0 (1)" in text
    assert "| 50.5 ± 0.7 (2)" in text
    assert "+1.0 ± 0.0, clear of 0" in text
    drawn = (tmp_path / f"reports/studies/{study}.svg").read_bytes()
    studies.collect(study)
    assert (tmp_path / f"reports/studies/{study}.svg").read_bytes() == drawn
