"""Two runs in one folder: one is right, and the other is right as well or told in one sentence what runs."""

import os
import subprocess
import sys
from pathlib import Path

from tests.pipeline.conftest import copy_project, run_in


def test_two_repros_at_once(root: Path, tmp_path: Path) -> None:
    project = copy_project(root, tmp_path / "project")
    for name in ("dvc.lock", "imagenet/dvc.lock"):
        (project / name).unlink()
    dvc = run_in(project)
    dvc("dvc", "config", "--local", "core.no_scm", "true")
    words = [sys.executable, "-m", "dvc", "repro", "digits"]
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    both = [
        subprocess.Popen(words, cwd=project, env=environment, stderr=subprocess.PIPE, encoding="utf-8")
        for _ in range(2)
    ]
    told = [process.communicate()[1] for process in both]
    assert 0 in [process.returncode for process in both]
    for process, text in zip(both, told, strict=True):
        assert "Traceback" not in text
        assert process.returncode == 0 or "is busy, it is being blocked by" in text or "lock" in text
    assert "up to date" in dvc("dvc", "status", "digits")
    assert not list(project.rglob(".*.tmp"))
