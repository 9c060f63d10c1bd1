import numpy as np
from numpy.typing import NDArray

from cgn.report.glance import RIGHT, WRONG, glance

DIGITS = np.arange(10)
SIDE = 66  # of a cell with its gap


def cells(sheet: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The corner pixels (5, 10, 3) of the five rows of cells."""
    last_row, last_column = (np.flatnonzero((sheet[..., 3] == 255).any(axis=axis))[-1] for axis in (1, 0))
    ys, xs = (last - 63 - SIDE * np.arange(count)[::-1] for last, count in ((last_row, 5), (last_column, 10)))
    return sheet[ys[:, None], xs, :3]


def test_a_column_for_each_class_and_a_row_for_each_answer() -> None:
    grey = (DIGITS[:, None, None, None] * np.ones((1, 32, 32, 3))).astype(np.uint8)
    splits = {"train_images": grey[::-1], "train_labels": DIGITS[::-1]}
    splits |= {"test_images": grey + 100, "test_labels": DIGITS}
    found = cells(glance(splits, grey + 50, DIGITS, {"Original": (DIGITS + 1) % 10, "CGN": DIGITS}))
    assert found[:3, :, 0].tolist() == [list(range(start, start + 10)) for start in (0, 50, 100)]
    assert (found[3] == WRONG).all()
    assert (found[4] == RIGHT).all()
