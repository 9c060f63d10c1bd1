import logging
from pathlib import Path

import pytest
import torch

from cgn import ranks
from cgn.training.checkpoint import Checkpoint, fingerprint


def test_round_trip_and_removal(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path / "run.pt", "abc")
    assert checkpoint.load() is None
    checkpoint.save({"step": 3, "weights": torch.arange(4.0)})
    state = Checkpoint(tmp_path / "run.pt", "abc").load()
    assert state is not None
    assert state["step"] == 3
    assert torch.equal(state["weights"], torch.arange(4.0))
    checkpoint.remove()
    assert list(tmp_path.iterdir()) == []


def test_tensors_of_a_gpu_are_loaded_to_the_cpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as saving:
        saving.setattr(torch.serialization, "location_tag", lambda storage: "cuda:0")
        Checkpoint(tmp_path / "run.pt", "abc").save({"weights": torch.ones(2)})
    state = Checkpoint(tmp_path / "run.pt", "abc").load()
    assert state is not None
    assert state["weights"].device == torch.device("cpu")


def test_another_fingerprint_starts_over_and_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    Checkpoint(tmp_path / "run.pt", "abc").save({"step": 3})
    with caplog.at_level(logging.WARNING):
        assert Checkpoint(tmp_path / "run.pt", "other").load() is None
    assert "starting over" in caplog.text


def test_a_damaged_file_starts_over(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "run.pt").write_bytes(b"not a checkpoint")
    assert Checkpoint(tmp_path / "run.pt", "abc").load() is None
    assert "starting over" in caplog.text
    for other in ([1], {"state": 1}, torch.zeros(3)):
        torch.save(other, tmp_path / "run.pt")
        caplog.clear()
        assert Checkpoint(tmp_path / "run.pt", "abc").load() is None
        assert "starting over" in caplog.text


def test_saves_only_when_due(tmp_path: Path) -> None:
    Checkpoint(tmp_path / "late.pt", "abc", every_seconds=1e9).save_if_due(dict)
    Checkpoint(tmp_path / "due.pt", "abc", every_seconds=0).save_if_due(dict)
    assert [path.name for path in tmp_path.iterdir()] == ["due.pt"]


def test_fingerprint_covers_parameters_and_inputs(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "a").write_bytes(b"1")
    first = fingerprint({"steps": 1}, [data])
    assert first == fingerprint({"steps": 1}, [data])
    assert first != fingerprint({"steps": 2}, [data])
    (data / "a").write_bytes(b"2")
    assert first != fingerprint({"steps": 1}, [data])


def test_the_first_rank_alone_reads_inputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranks, "first", lambda: False)
    monkeypatch.setattr(ranks, "shared", lambda value: "of the first")
    monkeypatch.setattr(Path, "read_bytes", lambda path: pytest.fail("was read"))
    (tmp_path / "data").touch()
    assert fingerprint({}, [tmp_path / "data"]) == "of the first"
