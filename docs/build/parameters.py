"""The page on the parameters: every key with its value, range and comment, and the stages it runs again."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ruamel.yaml import YAML

from cgn.params.schema import Params
from docs.build.graph import Graph
from docs.build.ranges import range_of

PROFILE, LONG = "budgets/laptop.yaml", "budgets/paper.yaml"
START = """# Parameters

Made from `params.yaml`, the files of `budgets/`, the types that check them, and the two `dvc.yaml`. A change
of a value runs the named stages again, and of what follows only those stages whose inputs then differ.

```bash
dvc exp run -S mnist.cgn.lambda_mask=100                    # a key of params.yaml
dvc exp run -S budgets/laptop.yaml:train_cgn.steps=3000     # a key of the profile that is used
```
"""
OF = {
    "params.yaml": "Values that no profile changes.",
    PROFILE: "The default profile, beside the values of `paper`. `profile` in `params.yaml` selects one.",
}


class Entry(NamedTuple):
    """A key of a YAML file: a section, whose value is a map, or a value."""

    key: str
    value: Any
    comment: str


def page(root: Path, graph: Graph) -> str:
    """The page in Markdown."""
    schema, long = Params.model_json_schema(), dict(_values(_load(root / LONG)))
    parts = [START]
    for file, meaning in OF.items():
        parts += [f"## {file} {{#{Path(file).stem}}}", meaning]
        sections: dict[str, list[Entry]] = {}
        for entry in entries(root / file):
            sections.setdefault(_section(entry), []).append(entry)
        for section, found in sections.items():
            parts += _section_of(section, found, file, schema, graph, long if file == PROFILE else None)
    return "\n\n".join(parts) + "\n"


def entries(path: Path) -> list[Entry]:
    """Every section and value of a file, in its order, with the comments above and behind the key."""
    found: list[Entry] = []
    values = _load(path)
    above: list[str] = []
    stack: list[tuple[int, str]] = []
    block = -1  # indentation of a key whose longer text follows
    for line in path.read_text(encoding="utf-8").splitlines():
        indent = len(line) - len(line.lstrip())
        if block >= 0 and indent > block:
            continue
        block = -1
        if line.lstrip().startswith("#"):
            above.append(line.strip("# "))
        elif match := re.match(r" *(\w+):(?=\s|$)(.*)", line):
            name, rest = match.groups()
            stack = [*(each for each in stack if each[0] < indent), (indent, name)]
            path_of_key = [part for _, part in stack]
            behind = re.search(r"(?:^| ) *# (.*)$", rest)
            comment = " ".join([*above, *([behind[1]] if behind else [])])
            found += _below(".".join(path_of_key), _at(values, path_of_key), comment, "{" in rest)
            above, block = [], indent if rest.strip().startswith("|") else -1
        elif not line.strip():
            above = []
    return found


def _below(key: str, value: Any, comment: str, in_braces: bool) -> Iterator[Entry]:
    yield Entry(key, value, comment)
    if isinstance(value, dict) and in_braces and "default" not in value:
        for name, below in value.items():
            yield from _below(f"{key}.{name}", below, "", in_braces)


def _section(entry: Entry) -> str:
    """The title under which an entry stands: two levels of a dotted key, or one if values stand there."""
    parts = entry.key.split(".")
    parent = parts if _is_section(entry.value) else parts[:-1]
    return ".".join(parent[:2])


def _section_of(
    name: str, found: list[Entry], file: str, schema: Any, graph: Graph, long: Mapping[str, Any] | None
) -> Iterator[str]:
    values = [entry for entry in found if not _is_section(entry.value)]
    if name and (values or any(entry.comment for entry in found)):
        yield f"### {name} {{#{Path(file).stem}.{name}}}"
    for entry in found:
        if _is_section(entry.value) and entry.comment:
            below = entry.key.removeprefix(name).strip(".")
            yield (f"`{below}`: " if below else "") + escaped(entry.comment)
    if not values:
        return
    few = len(graph.keys) / 2  # of so many stages a row does not name each
    titles = ["Key", "Value", *(["`paper`"] if long is not None else []), "Range", "Meaning", "Runs again"]
    rows, readers = ["| " + " | ".join(titles) + " |", "|" + "---|" * len(titles)], []
    for entry in values:
        stages = graph.read_by(file, entry.key)
        readers += [stages] if stages not in readers else []
        cells = [f"`{entry.key.removeprefix(f'{name}.') if name else entry.key}`", shown(entry.value)]
        if long is not None:
            cells.append(shown(long[entry.key]) if entry.key in long else "–")
        links = ", ".join(f"[{stage}](stages.md#{stage})" for stage in stages) or "nothing"
        meaning = entry.comment or _mentioned(entry, found)
        cells += [
            range_of(schema, entry.key),
            escaped(meaning),
            links if len(stages) < few else "most stages",
        ]
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    yield "\n".join(rows)
    for stages in readers:
        if (after := graph.after(stages)) and len(stages) < few:
            yield f"After {', '.join(stages)}: {', '.join(after)}."


def _mentioned(entry: Entry, found: list[Entry]) -> str:
    """Where the comment of another key explains this one."""
    own = entry.key.rpartition(".")[2]
    for other in found:
        if f"`{own}`" in other.comment:
            return "see above" if _is_section(other.value) else f"see `{other.key.rpartition('.')[2]}`"
    return ""


def shown(value: Any) -> str:
    """A value as in YAML, in a span of code."""
    if value is None:
        return "empty"
    return f"`{value if isinstance(value, str) else json.dumps(value)}`"


def escaped(comment: str) -> str:
    """A comment as Markdown: what looks like HTML outside of code stays text."""
    pieces = re.split(r"(`[^`]*`)", comment)
    return "".join(piece if number % 2 else piece.replace("<", "&lt;") for number, piece in enumerate(pieces))


def _is_section(value: Any) -> bool:
    """A map of the variants that differ is one value."""
    return isinstance(value, dict) and "default" not in value


def _values(values: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if _is_section(value):
            yield from _values(value, f"{above}{name}.")
        else:
            yield above + name, value


def _at(values: Any, path: list[str]) -> Any:
    for key in path:
        values = values[key]
    return values


def _load(path: Path) -> Any:
    return YAML(typ="safe").load(path.read_text(encoding="utf-8"))
