"""Fixtures that every test may use."""

import os
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def copy_params(root: Path, folder: Path) -> None:
    """Put the files that hold parameters into `folder`."""
    for name in ("params.yaml", "assets.yaml"):
        shutil.copy(root / name, folder)
    shutil.copytree(root / "budgets", folder / "budgets")


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository."""
    return ROOT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real data that lies beside a developer's checkout (or where CGN_SHARED_DATA says); users have none."""
    folder = Path(os.environ.get("CGN_SHARED_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder}")
    return folder
