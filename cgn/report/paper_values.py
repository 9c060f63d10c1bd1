"""The accuracies (percent) of the paper's Table 2, each with a mark for how well it is verified.

Marks: V read in a published source of the paper, C in another publication, U in none, so it may be wrong.
Only V and C are compared with ours; U values are only in a footnote.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from cgn.report.names import METHOD_TITLES, VARIANT_TITLES

Mark = Literal["V", "C", "U"]

MARKS: dict[Mark, str] = {
    "V": "read in a source of the paper",
    "C": "read in another publication",
    "U": "not verified",
}
FOOTNOTE = "\u2020"  # marks a cell whose value of the paper is not verified


@dataclass(frozen=True)
class PaperValue:
    """One cell of the table: accuracy in percent and its mark."""

    accuracy: float
    mark: Mark

    @property
    def verified(self) -> bool:
        """Whether the value is compared with ours."""
        return self.mark != "U"


def _row(mark: Mark, *cells: tuple[float, float] | None) -> dict[tuple[str, str], PaperValue]:
    values = {}
    for variant, cell in zip(VARIANT_TITLES, cells, strict=False):  # a variant of your own has no cell
        for split, accuracy in zip(("train", "test"), cell or (), strict=False):
            values[variant, split] = PaperValue(accuracy, mark)
    return values


# Method -> (variant, split) -> value. The paper has no other values.
TABLE_2: dict[str, dict[tuple[str, str], PaperValue]] = {
    "original": _row("V", (99.5, 35.9), (100.0, 10.3), (100.0, 10.1)),
    "irm_2": _row("U", (99.6, 59.8), (100.0, 67.7), (99.9, 11.3)),
    "irm_5": _row("U", None, (99.9, 78.9), (99.8, 76.8)),
    "lntl": _row("U", (99.3, 81.8), (98.7, 69.9), (99.9, 11.5))
    | {("colored_mnist", "test"): PaperValue(81.8, "C")},
    "gan": _row("V", (99.8, 40.7), (100.0, 10.8), (100.0, 10.4)),
    "cgn": _row("V", (99.7, 95.1), (97.4, 89.0), (99.2, 85.7)),
}


def paper_value(method: str, variant: str, split: str) -> PaperValue | None:
    """The paper's value of one cell, or None if the paper has none."""
    return TABLE_2.get(method, {}).get((variant, split))


def unverified_values(splits: Collection[str] = ("train", "test")) -> str:
    """The footnote that lists the unverified values; empty if there are none."""
    found: dict[tuple[str, str], list[str]] = {}
    for method in METHOD_TITLES:
        for (variant, split), value in TABLE_2.get(method, {}).items():
            if not value.verified and split in splits:
                found.setdefault((method, variant), []).append(f"{split} {value.accuracy:.1f}")
    if not found:
        return ""
    cells = (
        f"{METHOD_TITLES[method]}, {VARIANT_TITLES[variant]}: {', '.join(values)}"
        for (method, variant), values in found.items()
    )
    return (
        f"{FOOTNOTE} The paper's value could not be read in a published source, so ours is not compared with"
        f" it. It may be: {'; '.join(cells)}."
    )
