"""A DVC remote in S3, as docs/experiments.md sets it up: another clone pulls and has nothing to do."""

import shutil
from pathlib import Path

import pytest

from tests.pipeline.conftest import commands_of, copy_project, run_in, stages_run
from tests.s3 import s3_server


def test_push_and_pull_by_s3(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = copy_project(root, tmp_path / "first")
    _, _, add, endpoint, *_ = commands_of(root / "docs/experiments.md", "Share outputs")
    with s3_server("bucket", monkeypatch) as address:
        run = run_in(first)
        run("git", "config", "--global", "user.email", "test@example.org")
        run("git", "config", "--global", "user.name", "test")
        run("git", "init", "--quiet")
        run(*add)
        run(*endpoint[:-1], address)
        assert stages_run(run("dvc", "repro", "textures")) == {"textures"}
        run("git", "add", "--all")
        run("git", "commit", "--quiet", "--message", "run")
        run("dvc", "push", "textures")

        run("git", "clone", "--quiet", str(first), str(tmp_path / "second"))
        shutil.rmtree(first)
        run = run_in(tmp_path / "second")
        assert not (tmp_path / "second/data").exists()
        run("dvc", "pull", "textures")
        assert any((tmp_path / "second/data").rglob("*"))
        assert not stages_run(run("dvc", "repro", "textures"))
