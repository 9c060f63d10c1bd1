"""Jobs in clones, by submitit's local executor: a tiny repository stands for this one."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from cgn.errors import UserError
from cgn.io.files import write_json
from experiments import deviations, jobs, selection, submit
from experiments.jobs import Job, clean_commit, run_jobs
from experiments.study_grids import STUDIES

# Fails the first time, after it has left a checkpoint; the second time it goes on.
WORK = """
import json, os, pathlib, subprocess, sys
number = sys.argv[1]
mark = pathlib.Path(os.environ["CGN_SCRATCH"], "checkpoint")
if not mark.exists():
    mark.parent.mkdir(parents=True, exist_ok=True)
    mark.write_text(number)
    sys.exit("pre-empted")
assert mark.read_text() == number
cache = subprocess.run([sys.executable, "-m", "dvc", "cache", "dir"], capture_output=True, text=True).stdout
result = pathlib.Path("reports/results", f"seed_{number}.json")
result.parent.mkdir(parents=True, exist_ok=True)
result.write_text(json.dumps({"cache": cache.strip(), "where": os.getcwd()}))
pathlib.Path("reports/summary.md").write_text("of this job alone")
pathlib.Path("reports/kept.json").write_text("changed")
"""


def git(root: Path, *words: str) -> None:
    own = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    subprocess.run(["git", *own, *words], cwd=root, check=True, capture_output=True)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "project"
    (root / "reports").mkdir(parents=True)
    (root / "work.py").write_text(WORK)
    (root / "reports/kept.json").write_text("as committed")
    (root / "reports/summary.md").write_text("of all")
    git(root, "init")
    subprocess.run([sys.executable, "-m", "dvc", "init", "--quiet"], cwd=root, check=True)
    git(root, "add", "--all")
    git(root, "commit", "--message", "start")
    monkeypatch.setattr(jobs, "POLL", 0.1)
    return root


def job(root: Path, number: int) -> Job:
    work = root.parent / "work" / str(number)
    words = ("work", str(number))
    return Job(f"seed-{number}", words, root, clean_commit(root), work, ("reports/summary.md",))


def test_a_failed_job_goes_on_and_its_results_come_back(root: Path, tmp_path: Path) -> None:
    executor = submit.executor_of("local", tmp_path / "logs", [])
    run_jobs(executor, [job(root, number) for number in (3, 4)], at_once=2, attempts=2)
    for number in (3, 4):
        found = json.loads((root / f"reports/results/seed_{number}.json").read_text())
        assert Path(found["where"]) == tmp_path / "work" / str(number) / "clone"
        assert Path(found["cache"]) == root / ".dvc/cache"
    assert (root / "reports/kept.json").read_text() == "changed"
    assert (root / "reports/summary.md").read_text() == "of all"
    assert not any((tmp_path / "work").iterdir())


def test_a_job_that_fails_every_time_is_named(root: Path, tmp_path: Path) -> None:
    executor = submit.executor_of("local", tmp_path / "logs", [])
    with pytest.raises(UserError, match=r"^failed 1 times: seed-3 \(.*log\.err\); mend that") as failure:
        run_jobs(executor, [job(root, 3)], at_once=1, attempts=1)
    assert "\n" not in str(failure.value)
    (log,) = (tmp_path / "logs").glob("*/*.err")
    assert "pre-empted" in log.read_text()
    run_jobs(executor, [job(root, 3)], at_once=1, attempts=1)  # the same command goes on
    assert (root / "reports/results/seed_3.json").exists()


def test_what_is_not_committed_would_not_be_in_a_clone(root: Path) -> None:
    (root / "reports/kept.json").write_text("a result that is not committed yet")
    assert len(clean_commit(root)) == 40
    (root / "work.py").write_text("")
    with pytest.raises(UserError, match=r"^work\.py: differs from the commit"):
        clean_commit(root)


def test_seeds() -> None:
    assert submit.numbers("0-2,5,8-9") == [0, 1, 2, 5, 8, 9]
    for text in ("", "a", "1-b", "-1"):
        with pytest.raises(UserError, match="not numbers as 0-4"):
            submit.numbers(text)


def test_each_variant_of_a_seed_is_a_job(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, list[str]] = {}
    monkeypatch.setattr(submit, "submit", lambda tasks, *_: asked.update(tasks))
    monkeypatch.setattr(submit.paper, "collect", lambda: None)
    monkeypatch.setattr(submit, "is_complete", lambda results, variant, seed, methods: seed == 0)
    submit.paper_seeds("0,77", ["wildlife_mnist"], ["threads=1"])
    assert asked == {  # seed 0 has its results
        "paper-wildlife_mnist-77": [
            *("experiments.paper", "run", "77", "--variant", "wildlife_mnist"),
            *("--profile", "paper", "-S", "threads=1"),
        ]
    }


def test_a_deviation_without_all_accuracies_is_a_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    told: dict[str, list[str]] = {}
    monkeypatch.setattr(submit, "submit", lambda tasks, *_: told.update(tasks))
    for seed in deviations.SEEDS:
        whole = dict.fromkeys(deviations.METHODS, 50.0) | {"run": {"profile": "laptop", "commit": "c"}}
        health = {"healthy_classes": 9, "mask_digit_accuracy": 96.2, "inverted_masks": 0.5}
        write_json(deviations.result_path("wildlife_mnist", "none", 1.0, seed), health | whole)
        older = health | {"run": whole["run"]}
        write_json(deviations.result_path("wildlife_mnist", "mask_interval", 1.0, seed), older)
    submit.each_deviation(["wildlife_mnist"])
    assert "deviation-wildlife_mnist-mask_interval-1" in told
    assert "deviation-wildlife_mnist-none-1" not in told
    assert len(told) == len(deviations.SMALL) - 1
    told.clear()
    with pytest.raises(UserError, match=r"^--deviation fog: not one of none, "):
        submit.each_deviation(["wildlife_mnist"], ["fog"])
    submit.each_deviation(["wildlife_mnist"], ["none"], 0.95, ["threads=1"])
    assert told == {
        "deviation-wildlife_mnist-none-0.95": [
            *("experiments.deviations", "--variant", "wildlife_mnist", "--deviation", "none"),
            *("--correlation", "0.95", "-S", "threads=1"),
        ]
    }


def test_searches_that_one_stage_trains_are_one_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    told: dict[str, list[str]] = {}
    monkeypatch.setattr(submit, "submit", lambda tasks, *_: told.update(tasks))
    for search in ("augmentation", "cgn"):
        accuracies = dict.fromkeys(selection.RULES.values(), 50.0)
        found = {"methods": dict.fromkeys(selection.methods_of(search), accuracies)}
        ended = [
            found | {"settings": settings, "seed": seed}
            for settings in selection.configurations(search)
            for seed in selection.SEEDS
        ]
        write_json(selection.FOLDER / "wildlife_mnist" / f"{search}.json", ended)
    submit.each_search(variant=["wildlife_mnist"], set_param=["threads=1"])
    assert told == {
        f"tuning-{stage}-wildlife_mnist": [
            *("experiments.tuning", *searches, "--variant", "wildlife_mnist", "-S", "threads=1")
        ]
        for stage, searches in (
            ("train_on_biased", ["lntl"]),
            ("train_on_environments", ["irm", "group_dro"]),
            ("train_on_gan_samples", ["gan"]),
        )
    }
    with pytest.raises(UserError, match=r"^METHOD fog: not one of irm, "):
        submit.each_search(["fog"])


def test_a_seed_and_variant_of_a_study_is_a_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    told: dict[str, list[str]] = {}
    monkeypatch.setattr(submit, "submit", lambda tasks, *_: told.update(tasks))
    monkeypatch.setattr(submit.studies, "collect", lambda name: None)
    for cell in STUDIES["masks"].cells("wildlife_mnist"):
        write_json(submit.studies.result_path("masks", "wildlife_mnist", cell, 1), {})
    submit.each_study(["masks"], "1-2", set_param=["threads=1"])
    assert told == {
        f"study-masks-{variant}-{seed}": [
            *("experiments.studies", "masks", "--variant", variant, "--seed", str(seed), "-S", "threads=1")
        ]
        for seed, variant in ((1, "double_colored_mnist"), (2, "double_colored_mnist"), (2, "wildlife_mnist"))
    }
    with pytest.raises(UserError, match=r"^fog: not one of figure_7, "):
        submit.each_study(["fog"])


def test_no_slurm_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(UserError, match=r"^--executor slurm: ") as failure:
        submit.executor_of("slurm", tmp_path, [])
    assert "\n" not in str(failure.value)
    with pytest.raises(UserError, match=r"^--executor local: "):
        submit.executor_of("local", tmp_path, ["colour=blue"])
