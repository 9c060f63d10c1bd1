"""The loop: a killed run ends as a straight one, bit for bit; rows are means; what is damaged starts over."""

import logging
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.optim.lr_scheduler import LambdaLR

from cgn.io.histories import read_history
from cgn.training.checkpoint import Checkpoint
from cgn.training.loop import Loop
from tests.unit.killing import KilledError

STEPS = 11


def fail() -> None:
    raise KilledError


def train(
    path: Path,
    seed: int = 0,
    kill_at: int = -1,
    every_seconds: float = 0.0,
    kill: Callable[[], None] = fail,
) -> dict[str, Any]:
    """Everything a training leaves: noise from a generator with a state, dropout, Adam with a schedule."""
    torch.manual_seed(seed)
    network = nn.Linear(4, 1)
    optimizer = torch.optim.Adam(network.parameters(), 0.1, fused=True)
    schedule = LambdaLR(optimizer, lambda step: 1 / (1 + step))
    draws = torch.Generator().manual_seed(3)
    facts: dict[str, float] = {}
    loop = Loop(STEPS, Checkpoint(path, "the same run", every_seconds), "test")
    loop.keep(network=network, optimizer=optimizer, schedule=schedule)
    loop.keep_value("draws", draws.get_state, draws.set_state)
    loop.keep_value("facts", lambda: facts, facts.update)
    seen = []
    for step in loop:
        if step == kill_at:
            kill()
        seen.append(step)
        if step == 0:
            facts["first"] = network.weight.norm().item()
        loss = network(torch.randn(8, 4, generator=draws)).square().mean()
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        schedule.step()
        loop.record(loss=loss, step=step)
        if loop.every(4):
            loop.add_row(done=loop.done)
        if loop.done in {2, 9}:
            loop.snapshots.append({"weight": network.weight.detach().clone()})
    return {
        "network": {name: value.tolist() for name, value in network.state_dict().items()},
        "moments": [state["exp_avg_sq"].tolist() for state in optimizer.state.values()],
        "rate": schedule.get_last_lr(),
        "draws": draws.get_state().tolist(),
        "facts": facts,
        "history": loop.history,
        "snapshots": [snapshot["weight"].tolist() for snapshot in loop.snapshots],
        "done": loop.done,
        "seen": seen,
    }


@pytest.mark.parametrize("kills", [(0,), (1, 1), (5,), (4, 8), (3, 6, 10)])
def test_a_killed_run_ends_with_the_same_bits(kills: tuple[int, ...], tmp_path: Path) -> None:
    straight = train(tmp_path / "straight.pt")
    for seed, kill_at in enumerate(kills):  # the weights that a resumed run starts with do not matter
        with pytest.raises(KilledError):
            train(tmp_path / "killed.pt", seed, kill_at)
    resumed = train(tmp_path / "killed.pt", seed=7)
    assert resumed.pop("seen") == list(range(kills[-1], STEPS))
    assert straight.pop("seen") == list(range(STEPS))
    assert resumed == straight


def test_a_killed_process_goes_on_and_its_rows_can_be_watched(tmp_path: Path, root: Path) -> None:
    straight = train(tmp_path / "straight.pt")
    program = (
        "import os, signal, sys; from pathlib import Path; from tests.unit.training.test_loop import train;"
        "train(Path(sys.argv[1]), kill_at=6, kill=lambda: os.kill(os.getpid(), signal.SIGKILL))"
    )
    killed = subprocess.run([sys.executable, "-c", program, tmp_path / "killed.pt"], cwd=root)
    assert killed.returncode == -signal.SIGKILL
    rows = tmp_path / "killed.csv"
    assert read_history(rows, ["done", "loss"])["done"].tolist() == [4.0]
    resumed = train(tmp_path / "killed.pt", seed=7)
    assert resumed.pop("seen") == list(range(6, STEPS))
    assert read_history(rows, ["done", "loss"])["done"].tolist() == [4.0, 8.0, float(STEPS)]
    assert rows.read_bytes() == (tmp_path / "straight.csv").read_bytes()
    straight.pop("seen")
    assert resumed == straight


def test_a_kill_long_after_the_last_save_repeats_what_was_not_saved(tmp_path: Path) -> None:
    straight = train(tmp_path / "straight.pt", every_seconds=1e9)
    with pytest.raises(KilledError):
        train(tmp_path / "killed.pt", kill_at=6, every_seconds=1e9)
    assert not (tmp_path / "killed.pt").exists()
    assert train(tmp_path / "killed.pt", every_seconds=1e9) == straight


def test_rows_of_an_earlier_run_are_gone(tmp_path: Path) -> None:
    train(tmp_path / "c.pt")
    (tmp_path / "c.pt").unlink()  # as after a stage that has written its outputs
    with pytest.raises(KilledError):
        train(tmp_path / "c.pt", kill_at=2)
    assert not (tmp_path / "c.csv").exists()


def test_a_run_that_has_ended_is_not_repeated(tmp_path: Path) -> None:
    first = train(tmp_path / "c.pt", every_seconds=1e9)
    again = train(tmp_path / "c.pt", seed=5)
    assert again.pop("seen") == []
    first.pop("seen")
    assert again == first


def test_rows_are_means_since_the_row_before(tmp_path: Path) -> None:
    loop = Loop(7, Checkpoint(tmp_path / "c.pt", "x"), "test")
    for step in loop:
        for part in (0.0, 1.0):  # two batches a step
            loop.record(loss=torch.tensor(step + part, requires_grad=True))
        loop.record(rate=float(step))
        if loop.every(3):
            loop.record(score=10.0 * step)  # once a row
            loop.add_row(step=loop.done)
    assert loop.history == [
        {"step": 3.0, "loss": 1.5, "rate": 1.0, "score": 20.0},
        {"step": 6.0, "loss": 4.5, "rate": 4.0, "score": 50.0},
        {"step": 7.0, "loss": 6.5, "rate": 6.0, "score": 60.0},
    ]
    assert all(list(row) == ["step", "loss", "rate", "score"] for row in loop.history)


def test_sums_keep_the_precision_that_they_came_in(tmp_path: Path) -> None:
    loop = Loop(2, Checkpoint(tmp_path / "c.pt", "x"), "test")
    for _ in loop:
        loop.record(single=torch.tensor(0.1), double=torch.tensor(0.1).double(), plain=0.1)
    loop.add_row()
    assert loop.history[0]["single"] == torch.tensor(0.1).item()
    assert loop.history[0]["double"] == torch.tensor(0.1).double().item()
    assert loop.history[0]["plain"] == 0.1


def test_progress_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(KilledError):
        train(tmp_path / "c.pt", kill_at=9)
    train(tmp_path / "c.pt")
    shown = capsys.readouterr().err
    assert "test: " in shown
    assert f"9/{STEPS}" in shown  # where the second run began
    assert f"{STEPS}/{STEPS}" in shown
    assert "loss=" in shown


def test_it_says_where_it_goes_on(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(KilledError):
        train(tmp_path / "c.pt", kill_at=5)
    with caplog.at_level(logging.INFO):
        train(tmp_path / "c.pt")
    assert f"resuming at step 5 of {STEPS} from {tmp_path / 'c.pt'}" in caplog.text


@pytest.mark.parametrize("damage", ["cut", "text", "of another run"])
def test_a_checkpoint_of_no_use_starts_over(
    damage: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "c.pt"
    straight = train(tmp_path / "straight.pt")
    with pytest.raises(KilledError):
        train(path, kill_at=6)
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-300])
    elif damage == "text":
        path.write_text("no checkpoint")
    else:
        torch.save({"fingerprint": "another", "state": {}}, path)
    with caplog.at_level(logging.WARNING):
        assert train(path) == straight
    assert "starting over" in caplog.text
