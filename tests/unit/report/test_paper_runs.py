"""Results of several seeds, kept one by one and summarised."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from cgn.errors import UserError
from cgn.io.files import read_json
from cgn.report.names import METHOD_TITLES
from cgn.report.paper_runs import (
    differences,
    is_complete,
    markdown,
    read_results,
    run_of_all,
    summary,
    write_parameters,
    write_results,
    write_results_of_stage,
)

NAMES = (*METHOD_TITLES, "mechanisms")
RUN = {
    "profile": "paper",
    "command": "python -m experiments.paper run 0 --variant wildlife_mnist -S seed=0",
    "commit": "abc1234f" + "0" * 32,
    "versions": {"torch": "2.14.1"},
    "machine": {"processor": "P", "cores": 2, "memory_gib": 24.0},
    "wall_time_seconds": 3720.0,
    "settings": [],
}
VARIANT, UPDATES = "wildlife_mnist", "budgets.train_classifiers.updates"


@pytest.fixture
def folder(tmp_path: Path, classifiers_json: dict[str, Any], mechanisms_json: dict[str, Any]) -> Path:
    """Two seeds of one variant; in the second, cgn is 4 points better and a class more is broken."""
    for seed in (0, 1):
        classifiers = copy.deepcopy(classifiers_json[VARIANT])
        mechanisms = copy.deepcopy(mechanisms_json[VARIANT])
        classifiers["cgn"]["test_accuracy"] = 80.0 + 4 * seed
        mechanisms["healthy_classes"] = 9 - seed
        mechanisms["inverted_masks"] = 10.0 * seed
        assert not is_complete(tmp_path, VARIANT, seed)
        write_results(tmp_path, VARIANT, seed, classifiers, mechanisms, RUN, {"models/cgn": "1.dir"}, NAMES)
        updates = {method: {UPDATES: 40 if method == "irm_5" else 100} for method in METHOD_TITLES}
        write_parameters(tmp_path, VARIANT, updates)
        assert is_complete(tmp_path, VARIANT, seed)
    return tmp_path


def test_mean_spread_and_worst_seed(folder: Path) -> None:
    found = json.loads(json.dumps(summary(read_results(folder), run_of_all(folder))))
    assert set(found) == {"run", VARIANT}
    assert set(found[VARIANT]) == {*METHOD_TITLES, "mechanisms"}
    cgn = found[VARIANT]["cgn"]
    assert cgn["test_accuracy"] == 82.0
    assert cgn["test_accuracy_std"] == 2.83  # sample deviation of 80 and 84
    assert cgn["seeds"] == 2
    mechanisms = found[VARIANT]["mechanisms"]
    assert mechanisms["healthy_classes"] == 8
    assert mechanisms["inverted_masks"] == 10.0


def test_one_seed_has_no_spread(folder: Path) -> None:
    for path in folder.glob("*/*/seed_1.json"):
        path.unlink()
    values = summary(read_results(folder), run_of_all(folder))[VARIANT]["oracle"]
    assert values["test_accuracy_std"] is None
    assert values["seeds"] == 1


def test_the_table_shows_the_papers_value_and_the_difference(folder: Path) -> None:
    text = markdown(summary(read_results(folder), run_of_all(folder)))
    (row,) = (line for line in text.splitlines() if line.startswith("| Original + CGN"))
    assert "82.0 ± 2.8 [2] (85.7 V, −3.7)" in row
    # A value that is not verified stands in the footnote alone.
    (row,) = (line for line in text.splitlines() if line.startswith("| IRM, 2 environments"))
    assert "± 0.0 [2] † " in row
    table, footnote = text.partition("\n\nEvery method is")[0].rsplit("\n†", 1)
    assert "11.3" not in table
    assert "IRM, 2 environments, Wildlife MNIST: test 11.3;" in footnote
    assert "train" not in footnote
    command = "python -m experiments.paper run SEED --variant VARIANT -S seed=0"
    assert f"`{command}`, commits abc1234f; torch 2.14.1; P, 2 cores, 24.0 GiB; 1 h 2 min" in text
    assert "Every method is to have 100 updates of at least 32 images." in text
    assert "have fewer: IRM, 5 environments (40 on Wildlife MNIST)." in text


def test_the_released_protocol_has_a_table_of_its_own(folder: Path) -> None:
    found = summary(read_results(folder), run_of_all(folder))
    assert "released protocol" not in markdown(found)
    found["released"] = copy.deepcopy(found)
    found["released"][VARIANT]["cgn"]["test_accuracy"] = 90.7
    above, _, table = markdown(found).partition("## The released protocol")
    assert "90.7" not in above
    labels = [line.split("|")[1].strip() for line in table.splitlines() if line.startswith("| ")]
    methods = ("original", "irm_2", "gan", "cgn", "cgn_only", "oracle")
    assert labels == ["accuracy (%)", *(METHOD_TITLES[method] for method in methods)]
    assert "90.7 ± 2.8 [2] (85.7 V, +5.0)" in table
    assert "Settings were chosen on these digits" in table


def test_the_run_of_all_is_that_of_no_single_seed(folder: Path) -> None:
    path = folder / VARIANT / "run" / "seed_1.json"
    path.write_text(json.dumps(RUN | {"commit": "d" * 40 + "-dirty", "wall_time_seconds": 1860.0}))
    run = run_of_all(folder)
    assert run["commits"] == [RUN["commit"], "d" * 40 + "-dirty"]
    assert run["wall_time_seconds"] == 2790.0
    assert "commits abc1234f, dddddddd-dirty;" in markdown(summary(read_results(folder), run))


def test_a_stage_adds_a_seed_to_its_methods_alone(folder: Path) -> None:
    accuracies = {"original": {"train_accuracy": 99.0, "test_accuracy": 11.0}}
    run = RUN | {"commit": "e" * 40, "wall_time_seconds": 60.0}
    write_results_of_stage(folder, VARIANT, 2, "train_on_biased", accuracies, run, {"models/original": "3"})
    assert is_complete(folder, VARIANT, 2, ["original"])
    assert not is_complete(folder, VARIANT, 2)
    found = summary(read_results(folder), run_of_all(folder))
    assert {name: values["seeds"] for name, values in found[VARIANT].items() if name != "mechanisms"} == {
        name: 3 if name == "original" else 2 for name in METHOD_TITLES
    }
    assert found["run"]["commits"] == [RUN["commit"], "e" * 40]
    assert found["run"]["wall_time_seconds"] == 3720.0  # a mean of whole runs
    kept = read_json(folder / VARIANT / "train_on_biased" / "seed_2.json")
    assert kept == run | {"digests": {"models/original": "3"}}


def test_a_whole_run_takes_the_place_of_a_stages(
    folder: Path, classifiers_json: dict[str, Any], mechanisms_json: dict[str, Any]
) -> None:
    earlier = RUN | {"commit": "e" * 40}
    write_results_of_stage(folder, VARIANT, 0, "train_on_biased", {}, earlier, {})
    assert earlier["commit"] in run_of_all(folder)["commits"]
    write_results(folder, VARIANT, 0, classifiers_json[VARIANT], mechanisms_json[VARIANT], RUN, {}, NAMES)
    assert run_of_all(folder)["commits"] == [RUN["commit"]]


def test_results_are_of_the_parameters_beside_them(folder: Path) -> None:
    own = {"cgn": {"lambda": 1.0, "steps": 7}, "lntl": {"bins": 8}}
    lacking = {"cgn": "lambda is absent there and 1.0 here", "lntl": "bins is absent there and 8 here"}
    assert differences(folder, VARIANT, own) == lacking  # results that nobody has said anything about
    write_parameters(folder, VARIANT, own)
    assert differences(folder, VARIANT, own) == {}
    assert differences(folder, VARIANT, own | {"lntl": {"bins": 9}}) == {"lntl": "bins is 8 there and 9 here"}
    assert differences(folder, VARIANT, {"cgn": {"lambda": 1}}) == {"cgn": "steps is 7 there and absent here"}
    assert differences(folder, "colored_mnist", own) == {}  # which has no results


def test_no_results_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no results; make paper"):
        read_results(tmp_path)


def test_incomplete_scores_are_refused(tmp_path: Path, classifiers_json: dict[str, Any]) -> None:
    classifiers = {name: score for name, score in classifiers_json[VARIANT].items() if name != "cgn"}
    with pytest.raises(UserError, match="seed 3: no scores for cgn"):
        write_results(tmp_path, VARIANT, 3, classifiers, {}, RUN, {}, NAMES)
    assert list(tmp_path.iterdir()) == []
