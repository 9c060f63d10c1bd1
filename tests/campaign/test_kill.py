"""Kills at random moments of every long stage: the next `dvc repro` gives the bytes of an undisturbed run."""

import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from dvc.repo import Repo

from tests.campaign.conftest import Graph
from tests.pipeline.conftest import environment_of, stages_run

KILLS, SEED = 20, 0
LONG = 5.0  # seconds
SIGNALS = (signal.SIGKILL, signal.SIGTERM)


def long_stages(folder: Path) -> dict[str, float]:
    """The seconds of each stage that runs longer than LONG, by DVC's name of it."""
    seconds = {}
    for stage in Repo(str(folder)).index.stages:
        timing = folder / ".scratch/timings" / f"{stage.name.replace('@', '-')}.json"
        took = json.loads(timing.read_text())["seconds"]
        if took > LONG:
            where = stage.path_in_repo
            seconds[stage.name if where == "dvc.yaml" else f"{where}:{stage.name}"] = took
    return seconds


def drawn(stages: dict[str, float]) -> Iterator[tuple[str, float, signal.Signals]]:
    """Stage, share of its time, and signal of each kill: all commands once, then any stage."""
    rng = random.Random(SEED)
    names = sorted(stages)
    rng.shuffle(names)
    once = list({name.partition("@")[0]: name for name in names}.values())
    count = max(KILLS, len(once))
    for number, name in enumerate(once + rng.choices(names, k=count - len(once))):
        yield name, rng.uniform(0.05, 0.95), SIGNALS[number % 2]


def computes(dvc: int) -> bool:
    """Whether a stage's command runs below the process `dvc`."""
    for child in psutil.Process(dvc).children(recursive=True):
        with suppress(psutil.Error):  # it has just ended
            if "-m stages." in " ".join(child.cmdline()):
                return True
    return False


def killed(folder: Path, stage: str, after: float, sent: signal.Signals) -> str | None:
    """What `dvc repro STAGE` printed, killed with all its children; None when the command ended before.

    DVC itself is not killed while it writes its lock, which it does in place: the entries of other stages may
    get lost then, and it runs them again.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "dvc", "repro", "--single-item", stage],
        cwd=folder,
        env=environment_of(folder.parent) | {"PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        start_new_session=True,
    )
    assert process.stdout is not None
    begin = ""
    while "> python" not in begin:  # DVC says so when it starts the command
        line = process.stdout.readline()
        assert line, begin
        begin += line
    try:
        process.wait(after)
    except subprocess.TimeoutExpired:
        if computes(process.pid):
            os.killpg(process.pid, sent)
    rest = process.communicate()[0]
    return begin + rest if process.returncode else None


@pytest.mark.long
def test_a_killed_stage_ends_with_the_same_bytes(graph: Graph, capsys: pytest.CaptureFixture[str]) -> None:
    stages = long_stages(graph.folder)
    kills = resumed = 0
    for stage, share, sent in drawn(stages):
        for tried in (1.0, 0.5, 0.25):  # sooner, if the time was that of a busier machine
            graph.forget(stage)
            if (told := killed(graph.folder, stage, tried * share * stages[stage], sent)) is not None:
                break
        if told is not None:
            kills += 1
            assert "Traceback" not in told
            told = graph.run("dvc", "repro")
            assert stages_run(told) == {stage}
            resumed += "resuming at step" in told
        assert graph.lock() == graph.locks, f"{stage}, killed by {sent.name} at {share:.2f}"
        assert not list(graph.folder.rglob(".*.tmp"))
        ended = "same bytes" if told else "it had ended"
        with capsys.disabled():
            print(f"{stage}: {sent.name} at {share:.2f} of {stages[stage]:.0f} s: {ended}", flush=True)
    with capsys.disabled():
        print(
            f"{kills} kills, of {len(stages)} stages over {LONG:.0f} s; {resumed} resumed from a checkpoint"
        )
    assert kills >= 0.8 * KILLS
    assert resumed
