"""Text is UTF-8 whatever the locale: in ISO-8859-1 a last stage would die on a minus sign."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

TEXT = {"read_text", "write_text"}
FOLDERS = ("cgn", "stages", "experiments", "benchmarks")


def without_encoding(path: Path) -> list[int]:
    """The lines of a module that read or write text and do not say how."""
    lines = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        words = [argument.value for argument in node.args if isinstance(argument, ast.Constant)]
        owner = getattr(getattr(node.func, "value", None), "id", "")
        opened = name == "open" and owner not in {"Image", "tarfile"} and not {"rb", "wb"} & set(words)
        text = name in TEXT or opened
        if text and not any(keyword.arg == "encoding" for keyword in node.keywords):
            lines.append(node.lineno)
    return lines


def test_the_check_sees_what_it_should(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    calls = ("p.read_text()", 'p.open("w")', 'p.open("rb")', 'p.write_text(x, encoding="utf-8")', "open(p)")
    module.write_text("\n".join(calls), encoding="utf-8")
    assert without_encoding(module) == [1, 2, 5]


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_read_and_write_says_its_encoding(root: Path, folder: str) -> None:
    found = {str(path.relative_to(root)): without_encoding(path) for path in (root / folder).rglob("*.py")}
    assert not {name: lines for name, lines in found.items() if lines}


def test_a_minus_sign_survives_a_locale_that_lacks_it(root: Path, tmp_path: Path) -> None:
    code = r"""
import locale
from pathlib import Path
from cgn.io.files import read_json, write_json
from cgn.io.files import leave_out, why_left_out
assert locale.getencoding().upper() not in ("UTF-8", "UTF8"), locale.getencoding()
write_json(Path("a.json"), {"\u2212": "\u2212"})
assert read_json(Path("a.json")) == {"\u2212": "\u2212"}
leave_out(Path("b"), "\u2212 1")
assert why_left_out(Path("b")) == "\u2212 1"
"""
    environment = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0", "PYTHONPATH": str(root)}
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=os.environ | environment, check=True)
