"""`dvc exp run -S [file:]key=value` writes the file anew: only the key's lines change, no comment is lost."""

import json
import re
import shlex
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from dvc.utils.cli_parse import to_path_overrides
from dvc.utils.hydra import apply_overrides, get_hydra_sweeps
from ruamel.yaml import YAML
from ruamel.yaml.nodes import MappingNode, Node, SequenceNode

from cgn.params.reading import read
from tests.conftest import ROOT, copy_params

DOCUMENTS = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
FILES = (
    "params.yaml",
    "assets.yaml",
    *(f"budgets/{path.name}" for path in (ROOT / "budgets").glob("*.yaml")),
)


def code(document: Path) -> Iterator[str]:
    """Every command line of the blocks of code, and every piece of code in the text."""
    text = document.read_text(encoding="utf-8").replace("\\\n", " ")
    fenced = r"^ *```.*?\n(.*?)^ *```"
    for block in re.findall(fenced, text, flags=re.M | re.S):
        yield from block.splitlines()
    yield from re.findall(r"`([^`]+)`", re.sub(fenced, "", text, flags=re.M | re.S))


def overrides_of(command: str) -> list[str]:
    """What follows each -S, also within make's SET='-S key=value' and a quoted command."""
    quoted = shlex.split(re.sub(r"\bSET='(.*?)'", r"\1", command), comments=True)
    words = [part for word in quoted for part in (shlex.split(word) if " -S " in word else [word])]
    return [value for option, value in pairwise(words) if option == "-S"]


def documented() -> list[list[str]]:
    commands = [line for document in DOCUMENTS for line in code(document) if "-S " in line]
    return [*map(overrides_of, commands)]


def written(text: str, overrides: list[str], folder: Path) -> str:
    """What DVC makes of the `text` of a file."""
    path = folder / "params.yaml"
    path.write_text(text, encoding="utf-8")
    apply_overrides(path, overrides)
    return path.read_text(encoding="utf-8")


def lines_of(node: Node) -> set[int]:
    """The numbers of a value's lines, without the comments between them."""
    if isinstance(node, MappingNode) and node.value and not node.flow_style:
        return {line for pair in node.value for part in pair for line in lines_of(part)}
    if isinstance(node, SequenceNode) and not node.flow_style:
        return {line for item in node.value for line in lines_of(item)}
    start, end = node.start_mark, node.end_mark
    if start.index == end.index:  # null, written as nothing
        return set()
    return set(range(start.line, end.line + (end.column > 0)))


def without(text: str, keys: list[str]) -> list[str]:
    """All lines but those of the dotted `keys`; of an absent one, those of the section that lacks it."""
    whole = YAML(typ="safe", pure=True).compose(text)
    left_out: set[int] = set()
    for key in keys:
        node, lines = whole, set()
        for part in key.split("."):
            below = [pair for pair in node.value if pair[0].value == part]
            if not below:
                break
            ((name, node),) = below
            lines = lines_of(name) | lines_of(node)
        left_out |= lines
    return [line for number, line in enumerate(text.splitlines()) if number not in left_out]


def leaves(values: dict[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Every dotted key with a value that is no section; a list is one value."""
    for key, value in values.items():
        if isinstance(value, dict):
            yield from leaves(value, f"{above}{key}.")
        else:
            yield above + key, value


@pytest.fixture(params=FILES)
def text(root: Path, request: pytest.FixtureRequest) -> str:
    return (root / request.param).read_text(encoding="utf-8")


@pytest.fixture
def values(text: str) -> dict[str, Any]:
    return dict(leaves(YAML(typ="safe").load(text)))


def test_every_documented_override_is_found() -> None:
    count = sum(len(re.findall(r"-S\s+\S", path.read_text(encoding="utf-8"))) for path in DOCUMENTS)
    assert sum(map(len, documented())) == count


@pytest.mark.parametrize("overrides", documented(), ids=lambda overrides: overrides[0])
def test_a_documented_command_changes_its_keys_alone(
    overrides: list[str], root: Path, tmp_path: Path
) -> None:
    copy_params(root, tmp_path)
    # Of a sweep, e.g. key=3,6, all values one after the other.
    sweeps = get_hydra_sweeps(to_path_overrides(overrides))
    for name, of_file in ((name, of_file) for sweep in sweeps for name, of_file in sweep.items()):
        apply_overrides(tmp_path / name, of_file)
        before, after = ((folder / name).read_text(encoding="utf-8") for folder in (root, tmp_path))
        keys = [override.removeprefix("+").partition("=")[0] for override in of_file]
        assert without(after, keys) == without(before, keys)
    read(tmp_path)


def test_no_override_changes_nothing(text: str, tmp_path: Path) -> None:
    assert written(text, [], tmp_path) == text


@pytest.mark.parametrize("of", ["scalars", "lists"])
def test_own_values_change_nothing(of: str, text: str, values: dict[str, Any], tmp_path: Path) -> None:
    kept = {key: value for key, value in values.items() if isinstance(value, list) == (of == "lists")}
    assert kept or (of == "lists" and "\nbiggan_deep_256:" in text)  # assets.yaml has no list
    assert written(text, [f"{key}={json.dumps(value)}" for key, value in kept.items()], tmp_path) == text


def test_other_values_leave_the_rest(text: str, values: dict[str, Any], tmp_path: Path) -> None:
    others = [f"{key}={'[x,y]' if isinstance(value, list) else 'x'}" for key, value in values.items()]
    after = written(text, others, tmp_path)
    assert without(after, list(values)) == without(text, list(values))
    lists = {True: "['x', 'y']", False: "x"}
    wanted = {key: lists[isinstance(value, list)] for key, value in values.items()}
    assert {key: str(value) for key, value in leaves(YAML(typ="safe").load(after))} == wanted
