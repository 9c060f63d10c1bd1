"""The score commands run alone, on any folder, and say in one line what is wrong with their options."""

import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stages import cue_conflict, in9
from stages.command import MACHINE, run
from tests.unit.conftest import run_stage


def draw(file: Path) -> None:
    file.parent.mkdir(parents=True)
    pixels = np.random.default_rng(0).integers(256, size=(80, 100, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(file)


@pytest.fixture
def run_here(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """`run_here(main, stage, *words)` is `python -m stages.<stage> <words>` without a new process."""
    monkeypatch.chdir(folder)
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        monkeypatch.setenv(variable, "1")  # set by the command, and put back when the test ends

    def run_main(main: Callable[..., None], stage: str, *words: str) -> None:
        monkeypatch.setattr(sys, "argv", [f"{stage}.py", *words])
        run(main)

    return run_main


def test_in9(run_here: Callable[..., None], tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    data, out = tmp_path / "set", tmp_path / "scores" / "in9.json"
    draw(data / "mixed_same" / "val" / "00_dog" / "a.png")
    draw(data / "mixed_rand" / "val" / "02_wheeled vehicle" / "a.png")
    run_here(in9.main, "in9", "--model", "efficientnet_lite0", "--data", str(data), "--out", str(out))
    scores = json.loads(out.read_text())
    assert list(scores) == ["mixed_same", "mixed_rand", "bg_gap", "images"]
    assert scores["images"] == {"mixed_same": 1, "mixed_rand": 1}
    assert "not scored: original, mixed_next, only_bg_b, only_bg_t, no_fg, only_fg" in caplog.text


def test_cue_conflict(
    run_here: Callable[..., None], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    stimuli, out = tmp_path / "set", tmp_path / "scores" / "cue_conflict.json"
    draw(stimuli / "cat" / "cat1-dog1.png")
    words = ("--model", "efficientnet_lite0", "--stimuli", str(stimuli), "--out", str(out))
    run_here(cue_conflict.main, "cue_conflict", *words)
    scores = json.loads(out.read_text())
    counts = ["shape_bias", "shape_correct", "texture_correct"]
    assert list(scores) == [*counts, "images", "resize_and_crop"]  # this classifier takes 224 pixels
    assert list(scores["resize_and_crop"]) == counts
    assert scores["images"] == 1
    assert "no folder for the shapes airplane, bear," in caplog.text


def test_an_unknown_model_is_one_line(
    run_here: Callable[..., None], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(SystemExit) as finished:
        run_here(in9.main, "in9", "--model", "resnet5000", "--data", ".", "--out", "scores.json")
    assert finished.value.code == 1
    (record,) = caplog.records
    assert record.getMessage().startswith("in9: error: resnet5000: unknown classifier; known are")
    assert not (tmp_path / "scores.json").exists()


@pytest.mark.parametrize("fault", [errno.EACCES, errno.EROFS, errno.ENOSPC])
def test_a_fault_of_the_machine_is_one_line(
    fault: int, run_here: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    def main() -> None:
        raise OSError(fault, os.strerror(fault), "scores/in9.json")

    with pytest.raises(SystemExit) as finished:
        run_here(main, "in9")
    assert finished.value.code == 1
    (record,) = caplog.records
    assert record.getMessage() == f"in9: error: scores/in9.json: {os.strerror(fault)}; {MACHINE[fault]}"


def test_home_is_known_where_shells_leave_it(
    run_here: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "mein Heim"))
    given: list[str] = []

    def main(folder: str, data: str = "", model: str = "") -> None:
        given.extend((folder, data, model))

    run_here(main, "in9", "~/Bäume/a~/b", "--data=~/x y", "--model", "resnet18:~/w.pth")
    home = tmp_path / "mein Heim"
    assert given == [f"{home}/Bäume/a~/b", f"{home}/x y", f"resnet18:{home}/w.pth"]


def test_an_interruption_is_one_line(run_here: Callable[..., None], caplog: pytest.LogCaptureFixture) -> None:
    def main() -> None:
        raise KeyboardInterrupt

    with pytest.raises(SystemExit) as finished:
        run_here(main, "in9")
    assert finished.value.code == 130
    assert caplog.messages == ["in9: interrupted; the same command goes on"]


def test_other_errors_keep_their_traceback(run_here: Callable[..., None]) -> None:
    def main() -> None:
        raise ConnectionResetError(errno.ECONNRESET, "reset")

    with pytest.raises(ConnectionResetError):
        run_here(main, "in9")


def test_make_alone_prints_its_targets(root: Path) -> None:
    done = subprocess.run(["make", "-C", str(root)], capture_output=True, text=True, check=True)
    assert "make repro " in done.stdout
    assert "make test " in done.stdout
    assert "pip" not in done.stdout


@pytest.mark.parametrize(("stage", "option"), [("in9", "--data"), ("cue_conflict", "--stimuli")])
@pytest.mark.parametrize(
    ("data", "out", "message"),
    [("nowhere", "scores.json", "'nowhere' does not exist"), (".", "kept", "'kept' is a directory")],
)
def test_wrong_options(
    stage: str, option: str, data: str, out: str, message: str, folder: Path, root: Path
) -> None:
    (folder / "kept").mkdir()
    (folder / "kept" / "file").write_text("mine")
    words = ("--model", "efficientnet_lite0", option, data, "--out", out)
    done = run_stage(folder, root, f"stages.{stage}", *words)
    assert done.returncode == 2
    (line,) = done.stderr.strip().splitlines()
    assert message in line
    assert (folder / "kept" / "file").read_text() == "mine"
