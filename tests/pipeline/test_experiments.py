"""Every command of docs/experiments.md, on the smoke graph: it works and does what the page says."""

import csv
import json
import shlex
import shutil
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.pipeline.conftest import Run, commands_of, run_in, stages_run

STAGE = "train_cgn@colored_mnist"
HISTORY = "models/mnist/cgn/colored_mnist/history.csv"

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def project(smoke: Path) -> Path:
    """A clone with the outputs of the smoke graph."""
    clone = smoke.parent / "experiments"
    run_in(smoke)("git", "clone", "--quiet", str(smoke), str(clone))
    run = run_in(clone)
    run("dvc", "cache", "dir", "--local", str(smoke / ".dvc/cache"))
    run("dvc", "checkout")
    return clone


@pytest.fixture
def run(project: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command in the clone, on a screen of 120 columns, without changes that others left."""
    monkeypatch.setenv("COLUMNS", "120")
    run = run_in(project)
    run("git", "checkout", "--force", "--quiet", ".")
    run("dvc", "checkout", "--force")
    return run


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def plots(shown: str) -> dict[str, dict[str, list[dict[str, Any]]]]:
    """Data points by plot and revision, of what `dvc plots ... --json` prints."""
    (line,) = (line for line in shown.splitlines() if line.startswith("{"))
    found: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for name, (plot, *_) in json.loads(line)["data"].items():
        if plot["type"] == "vega":
            points = found.setdefault(name, {})
            for point in plot["content"]["data"]["values"]:
                points.setdefault(point["rev"], []).append(point)
    return found


def series(root: Path) -> dict[str, list[tuple[str, str]]]:
    """(file, column) of the series of each plot."""
    plots = YAML(typ="safe").load((root / "dvc.yaml").read_text(encoding="utf-8"))["plots"]
    found = {}
    for plot in plots:
        for name, facts in plot.items() if isinstance(plot, dict) else ():
            columns = {file: [y] if isinstance(y, str) else y for file, y in facts["y"].items()}
            found[name] = [(file, column) for file, of_file in columns.items() for column in of_file]
    return found


def test_runs_are_compared(run: Run, project: Path, root: Path) -> None:
    page = root / "docs/experiments.md"
    here, temporary, table, headlines, metrics, diff, apply = commands_of(page, "Run and compare")
    (watch,) = commands_of(page, "Watch a training")

    assert stages_run(run(*here)) == {STAGE}
    history = (project / HISTORY).read_bytes()
    assert (project / ".scratch/train_cgn/colored_mnist.csv").read_bytes() == history
    (watched,) = plots(run(*watch, "--json")).values()
    seen = [(point["step"], point["adversarial"]) for point in watched["workspace"]]
    assert seen == [(row["step"], row["adversarial"]) for row in rows(project / HISTORY)]
    assert "index.html" in run(*watch)

    assert stages_run(run(*temporary)) == {STAGE}
    assert (project / HISTORY).read_bytes() == history
    shown = run(*table)
    for text in ("[border-1]", "[border-4]", "cgn_colored", "cgn_wildlife", "mnist.cgn.lambda_border"):
        assert text in shown
    for line in (shown + run(*headlines)).splitlines():
        assert len(line) <= 120
    run(*metrics)
    assert "index.html" in run(*diff)

    revisions = {"HEAD", "border-1", "border-4"}
    data = plots(run(*diff, "--json"))
    assert data.keys() == series(root).keys()
    for name, points in data.items():
        assert points.keys() == revisions
        expected = sum(len(rows(project / file)) for file, _ in series(root)[name])
        assert {len(found) for found in points.values()} == {expected}
    of_cgn = f"{HISTORY.removeprefix('models/mnist/')}::border"
    curves = {
        tuple(point["border"] for point in points if point["filename::field"] == of_cgn)
        for points in data["Losses of the MNIST generators"].values()
    }
    assert len(curves) == 3

    run(*apply)
    assert (project / HISTORY).read_bytes() != history
    assert "lambda_border: 4" in (project / "params.yaml").read_text(encoding="utf-8")


def test_every_history_is_in_a_plot(project: Path, root: Path) -> None:
    plotted = {file for found in series(root).values() for file, _ in found if file.endswith("history.csv")}
    assert plotted == {str(path.relative_to(project)) for path in project.glob("models/**/history.csv")}


def test_a_queue_of_experiments(run: Run, root: Path, tmp_path: Path) -> None:
    queue, start, status, logs, stop, remove = commands_of(root / "docs/experiments.md", "Queue")
    run(*queue)
    assert Counter(run(*status).split())["Queued"] == 2
    try:
        run("sh", "-c", f"{shlex.join(start)} > {tmp_path}/started 2>&1")  # the workers keep its output open
        until = time.monotonic() + 1800
        while {"Queued", "Running"} & set(run(*status).split()):
            assert time.monotonic() < until
            time.sleep(1)
        assert Counter(run(*status).split())["Success"] == 2
        assert stages_run(run(*logs)) == {STAGE}
        run(*stop)
    finally:
        run("dvc", "queue", "stop", "--kill")
    names = run("dvc", "exp", "list", "--name-only").split()
    assert {"sweep-1", "sweep-2"} <= set(names)
    run(*remove)
    assert "sweep-2" not in run("dvc", "exp", "list", "--name-only").split()


def test_a_clone_pulls_and_has_nothing_to_do(run: Run, root: Path, project: Path, tmp_path: Path) -> None:
    add, push, _, _, clone, change, pull, repro = commands_of(root / "docs/experiments.md", "Share outputs")
    run(*add[:-1], str(tmp_path / "store"))
    run(*push)
    run("git", "commit", "--all", "--quiet", "--message", "a remote")
    run_in(tmp_path)(*clone[:-2], "--quiet", str(project), clone[-1])
    assert change == ["cd", clone[-1]]
    there = run_in(tmp_path / clone[-1])
    there(*pull)
    assert "Data and pipelines are up to date." in there(*repro)
    shutil.rmtree(tmp_path / "store")
