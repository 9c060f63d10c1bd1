"""The outputs and checkpoints of the stages that train."""

from pathlib import Path

import pytest

from stages import run


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch, root: Path, tmp_path: Path) -> run.StageRun:
    monkeypatch.chdir(root)
    monkeypatch.setattr(run, "SCRATCH", tmp_path / "scratch")
    return run.StageRun("train_cgn")


def test_a_training_that_ends_leaves_its_output_and_no_checkpoint(
    stage: run.StageRun, tmp_path: Path
) -> None:
    with stage.output(tmp_path / "model", "mnist", [1], []) as output:
        output.checkpoint.save({"step": 3})
        (output.folder / "weights").write_text("w")
        assert not (tmp_path / "model").exists()
    assert [path.name for path in (tmp_path / "model").iterdir()] == ["weights"]
    assert not output.checkpoint.path.exists()


def test_a_training_that_fails_leaves_its_checkpoint_and_no_output(
    stage: run.StageRun, tmp_path: Path
) -> None:
    def killed() -> None:
        with stage.output(tmp_path / "model", "mnist", [1], []) as output:
            output.checkpoint.save({"step": 3})
            (output.folder / "weights").write_text("w")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        killed()
    assert [path.name for path in tmp_path.iterdir()] == ["scratch"]
    assert stage.checkpoint("mnist", [1], []).load() == {"step": 3}
    assert stage.checkpoint("mnist", [2], []).load() is None
