"""`python -m stages.assets` fetches what assets.yaml names."""

import hashlib
import logging
import sys
from pathlib import Path

import pytest

from stages import assets
from stages.command import run


def fetch(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    monkeypatch.setattr(sys, "argv", ["assets.py", *names])
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        monkeypatch.setenv(variable, "1")  # set by the command, and put back when the test ends
    run(assets.main)


@pytest.fixture
def mirror(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty mirror folder, the only source but for an unreachable network."""
    monkeypatch.chdir(folder)
    place = tmp_path / "mirror"
    place.mkdir()
    monkeypatch.setenv("CGN_MIRRORS", str(place))
    monkeypatch.setenv("CGN_CACHE", str(tmp_path / "cache"))
    return place


def test_a_mirrored_file_is_named_with_its_licence(
    mirror: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (mirror / "cue-conflict.tar.gz").write_bytes(b"stimuli")
    with caplog.at_level(logging.INFO):
        fetch(monkeypatch, "cue_conflict")
    assert f"cue_conflict: {mirror}/cue-conflict.tar.gz (licence: CC BY 4.0)" in caplog.text
    assert hashlib.sha256(b"stimuli").hexdigest() in caplog.text  # nobody published it


@pytest.mark.parametrize("name", ["u2netp", "resnet50"])  # all of a hash is known, and a part of it
def test_another_file_is_refused(
    name: str, mirror: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    file = {"u2netp": "u2netp.onnx", "resnet50": "resnet50-0676ba61.pth"}[name]
    (mirror / file).write_bytes(b"other")
    with pytest.raises(SystemExit) as finished:
        fetch(monkeypatch, name)
    assert finished.value.code == 1
    assert f"{file}: not the expected sha256" in caplog.text


def test_an_unknown_name_is_one_line(
    mirror: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(SystemExit):
        fetch(monkeypatch, "u2net", "bigan")
    (record,) = caplog.records
    assert record.getMessage().startswith("assets: error: bigan: not one of biggan_deep_256, biggan_deep_128")
