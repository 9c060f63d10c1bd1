"""The table of deviations switched back in long trainings."""

from pathlib import Path
from typing import Any

import pytest

from cgn.errors import UserError
from cgn.io.files import write_json
from cgn.report.paper_runs import write_parameters
from experiments import long_deviations
from experiments.long_deviations import FEW_IMAGES, FOLDER, MEASURES, RESULTS, expected_within
from experiments.settings import effective_parameters, overridden


def _scores(iou: float) -> dict[str, Any]:
    return dict.fromkeys(MEASURES, 10.0) | {"abduction_iou": iou}


def test_what_equal_trainings_would_hardly_give_is_in_bold(workspace: Path) -> None:
    for seed, iou in enumerate((0.91, 0.92, 0.93)):
        write_json(RESULTS / f"wildlife_mnist/mechanisms/seed_{seed}.json", _scores(iou))
    run = {"run": {"commit": "c1"}}
    write_json(FOLDER / "wildlife_mnist/textures/seed_0.json", _scores(0.88) | run)
    write_json(FOLDER / "wildlife_mnist/translation/seed_0.json", _scores(0.86) | run)
    long_deviations.collect()
    text = (FOLDER / "long_deviations.md").read_text(encoding="utf-8")
    rows = [
        [cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line[:2] == "| "
    ]
    assert [row[3] for row in rows[1:]] == ["0.920 ± 0.010", "0.880", "**0.860**"]
    assert rows[1][:3] == ["Wildlife MNIST", "nothing switched back", "3"]
    assert rows[1][4] == "10.0 ± 0.0"
    assert "commit c1." in text


def test_the_interval_is_that_of_a_prediction() -> None:
    # scipy.stats.t.ppf(0.975, 2) = 4.3027; sample deviation 1; 1/3 + 1/2.
    assert expected_within([1.0, 2.0, 3.0], 2) == pytest.approx(4.3027 * (1 / 3 + 1 / 2) ** 0.5, rel=1e-3)


def test_only_what_has_no_result_is_run(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[str]] = []

    def run_target(name: str, target: str, settings: list[str], scratch: Path) -> dict[str, str]:
        assert (name, target) == (
            "long-deviation-wildlife-mnist-weight-averaging-0",
            "score_mechanisms@wildlife_mnist",
        )
        asked.append(settings)
        return {}

    monkeypatch.setattr(long_deviations, "run_target", run_target)
    monkeypatch.setattr(long_deviations, "mechanisms_of", lambda *_: _scores(0.9) | {"per_class": []})
    monkeypatch.setattr(long_deviations, "facts_of", lambda *_: {"commit": "c1", "profile": "paper"})
    for seed in (0, 1):
        write_json(RESULTS / f"wildlife_mnist/mechanisms/seed_{seed}.json", _scores(0.9))
    own = effective_parameters(overridden(["profile=paper"]), "wildlife_mnist", "mechanisms")
    write_parameters(RESULTS, "wildlife_mnist", {"mechanisms": own})
    for _ in range(2):
        long_deviations.main(["wildlife_mnist"], ["weight_averaging"], [0], ["threads=1"])
    (settings,) = asked
    assert settings[:2] == ["profile=paper", "threads=1"]
    params = overridden(settings)
    assert params.mnist.adversarial.weight_averaging == 0
    assert (params.profile, params.budgets.abduct.images) == ("paper", 1000)
    assert set(FEW_IMAGES) <= set(settings)
    with pytest.raises(UserError, match=r"^--deviation all: not one of others, "):
        long_deviations.main(["wildlife_mnist"], ["weight_averaging", "all"], [0], [])
    # Where the digits lie is no other setting; a loss is.
    where = ["budgets/paper.yaml:digits.source=idx", "budgets/paper.yaml:digits.folder=/elsewhere"]
    long_deviations.main(["wildlife_mnist"], ["weight_averaging"], [0], where)
    with pytest.raises(UserError, match=r"^wildlife_mnist: .*: mnist\.cgn\.lambda_mask is 50\.0 there"):
        long_deviations.main(["wildlife_mnist"], ["translation"], [0], ["mnist.cgn.lambda_mask=7"])
    assert len(asked) == 1
