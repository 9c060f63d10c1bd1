from pathlib import Path

import pytest

from cgn.errors import UserError
from cgn.io.histories import read_history


def test_history_is_read(tmp_path: Path) -> None:
    path = tmp_path / "history.csv"
    path.write_text("step,binary\n0,0.5\n100,0.25\n")
    assert list(read_history(path, ["step"])["binary"]) == [0.5, 0.25]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "not found"),
        ("", "not a CSV file"),
        ("step,binary\n", "no rows"),
        ("epoch,loss\n1,2\n", "no column step"),
    ],
)
def test_a_bad_history_is_one_line_that_names_the_file(
    tmp_path: Path, text: str | None, message: str
) -> None:
    path = tmp_path / "history.csv"
    if text is not None:
        path.write_text(text)
    with pytest.raises(UserError, match=f"{path}: {message}") as error:
        read_history(path, ["step"])
    assert "\n" not in str(error.value)
