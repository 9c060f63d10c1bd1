"""Training histories as CSV: a header and a row for each report."""

import csv
from pathlib import Path


def write_history(path: Path, rows: list[dict[str, float]]) -> None:
    """Write `rows`, which all have the keys of the first, with nine significant digits."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        for row in rows:
            writer.writerow({name: f"{value:.9g}" for name, value in row.items()})
