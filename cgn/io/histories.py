"""Reads and writes training histories as CSV: a header, and a row for each logged step or epoch."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cgn.errors import UserError

if TYPE_CHECKING:
    import pandas as pd


def write_history(path: Path, rows: list[dict[str, float]]) -> None:
    """Writes `rows`, which all have the same keys, with nine significant digits."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        for row in rows:
            writer.writerow({name: f"{value:.9g}" for name, value in row.items()})


def read_history(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    """Reads a history. Raises UserError when it is missing, not CSV, empty, or lacks one of `columns`."""
    import pandas as pd  # late: trainings only write, and pandas is slow to import

    try:
        history = pd.read_csv(path)
    except FileNotFoundError:
        raise UserError(f"{path}: not found; run the stage that makes it (dvc repro)") from None
    except ValueError as error:  # pandas' own are of this class, and so is one for other encodings
        raise UserError(f"{path}: not a CSV file ({error}); delete it and run dvc repro") from None
    missing = [column for column in columns if column not in history]
    texts = [name for name in history if history[name].dtype.kind not in "biuf"]
    if missing or history.empty or texts:
        wrong = f"no column {', '.join(missing)}" if missing else "no rows"
        wrong = f"no numbers in column {texts[0]}" if texts and not history.empty else wrong
        raise UserError(f"{path}: {wrong}; delete it and run dvc repro")
    return history
