"""Bad input, a case a row: each ends in one line with file or key and remedy, and writes nothing.

A case is run in this process, in the frame that all commands have (`stages.command`): its status is 1, or 2
for a wrong use of the command line.
"""

import logging
import re
import sys
from pathlib import Path

import pytest

from stages.command import one_line_errors
from tests.unit.bad_input.case import Case
from tests.unit.bad_input.commands import COMMANDS, PARAMETERS
from tests.unit.bad_input.folders import FOLDERS
from tests.unit.bad_input.images import DIGITS, PICTURES
from tests.unit.bad_input.networks import NETWORKS
from tests.unit.bad_input.tars import TARS
from tests.unit.bad_input.texts import TEXTS

CASES = [*DIGITS, *PICTURES, *FOLDERS, *TARS, *NETWORKS, *TEXTS, *PARAMETERS, *COMMANDS]


@pytest.fixture(autouse=True)
def _as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["test.py"])
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        monkeypatch.setenv(variable, "1")  # set by the command, and put back when the test ends
    monkeypatch.setattr("stages.command._parameters", (Path(), None))


def test_the_table_is_as_large_as_the_docs_say(root: Path) -> None:
    assert len({case.name for case in CASES}) == len(CASES) >= 60
    assert f"{len(CASES)} cases" in (root / "docs/reliability.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_one_line(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    before: set[Path] = set()

    def prepared() -> None:
        try:
            with one_line_errors("test"):
                case.act(tmp_path)
        finally:
            before.update(path for path in tmp_path.rglob("*"))

    with caplog.at_level(logging.ERROR), pytest.raises(SystemExit) as finished:
        prepared()
    (record,) = [record for record in caplog.records if record.levelno >= logging.ERROR]
    line = record.getMessage()
    assert re.fullmatch(r"\w+: error: [^\n]+", line)
    assert re.search(case.line, line), line
    assert finished.value.code in (1, 2)
    assert "Traceback" not in line
    assert not [path for path in before if path.name in {"out", "o", "o.json", "ran"} or ".tmp" in path.name]
