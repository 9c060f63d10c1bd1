"""Training histories: one CSV a network, a row a logged step or epoch."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from cgn.errors import UserError


def read_history(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    """A history with at least `columns` and one row. Raises UserError when it is missing or lacks them."""
    try:
        history = pd.read_csv(path)
    except FileNotFoundError:
        raise UserError(f"{path}: not found; run the stage that makes it (dvc repro)") from None
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise UserError(f"{path}: not a CSV file ({error}); delete it and run dvc repro") from None
    missing = [column for column in columns if column not in history]
    if missing or history.empty:
        wrong = f"no column {', '.join(missing)}" if missing else "no rows"
        raise UserError(f"{path}: {wrong}; delete it and run dvc repro")
    return history
