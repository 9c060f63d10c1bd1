"""A workspace with the parameters, for experiments that are run in this process."""

from pathlib import Path

import pytest

from tests.conftest import copy_params


@pytest.fixture
def workspace(tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    copy_params(root, tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CGN_SCRATCH", str(tmp_path / "scratch"))
    return tmp_path
