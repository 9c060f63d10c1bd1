"""The page on the stages, from both dvc.yaml; and which stages a parameter runs again."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import networkx
from dvc.dependency import ParamsDependency
from dvc.repo import Repo
from ruamel.yaml import YAML

FILES = ("dvc.yaml", "imagenet/dvc.yaml")
CODE = ("cgn/", "stages/")
START = """# Stages

Made from `dvc.yaml` and `imagenet/dvc.yaml`. `dvc repro` runs what is out of date;
`dvc repro score@wildlife_mnist` runs one instance of a stage, and what it needs. Stages of the ImageNet
branch are named with their file: `dvc repro imagenet/dvc.yaml:in9`. *Follows* are the stages that may run
again after this one, because they read, directly or not, what it writes.
"""


class Graph(NamedTuple):
    """Which stage, by name without its instance, reads which parameters, and what follows it."""

    keys: dict[str, set[tuple[str, str]]]  # stage -> pairs of file and dotted key
    follows: dict[str, list[str]]  # stage -> stages after it, in the order of the files
    addresses: list[str]  # of every instance, as `dvc repro` takes them

    def read_by(self, file: str, key: str) -> list[str]:
        """The stages that read a parameter: alone, with its section, or parts of it."""
        return [
            stage
            for stage, tracked in self.keys.items()
            if any(name == file and (_is_within(key, own) or _is_within(own, key)) for name, own in tracked)
        ]

    def after(self, stages: Sequence[str]) -> list[str]:
        """All stages that follow some of `stages`, without these."""
        found = {name for stage in stages for name in self.follows[stage]} - set(stages)
        return [name for name in self.keys if name in found]


def read_graph(root: Path) -> Graph:
    """The graph as DVC resolves it, for the profile that params.yaml names."""
    repo = Repo(str(root), config={"core": {"no_scm": True}})  # an unpacked archive has no Git
    names = {stage: stage.name.partition("@")[0] for stage in repo.index.stages}
    keys: dict[str, set[tuple[str, str]]] = {name: set() for name, _ in definitions(root)}
    for stage, name in names.items():
        for dependency in stage.deps:
            if isinstance(dependency, ParamsDependency):
                file = Path(dependency.fs_path).resolve().relative_to(root.resolve()).as_posix()
                keys[name] |= {(file, key) for key in dependency.params}
    follows: dict[str, set[str]] = {name: set() for name in keys}
    for stage, name in names.items():  # an edge of DVC's graph leads to what a stage needs
        follows[name] |= {names[other] for other in networkx.ancestors(repo.index.graph, stage)}
    in_order = {name: [other for other in keys if other in after] for name, after in follows.items()}
    return Graph(keys, in_order, [stage.addressing for stage in names])


def definitions(root: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every stage of both files by name, as it is written there; of a list of instances, the common part."""
    for file in FILES:
        stages = YAML(typ="safe").load((root / file).read_text(encoding="utf-8"))["stages"]
        for name, definition in stages.items():
            yield name, definition.get("do", definition)


def page(root: Path, graph: Graph) -> str:
    """The page in Markdown."""
    instances: dict[str, list[str]] = {name: [] for name in graph.keys}
    for address in graph.addresses:
        name, _, instance = address.rpartition(":")[2].partition("@")
        instances[name] += [instance] if instance else []
    parts = [START]
    for name, stage in definitions(root):
        data: list[str] = []
        code: list[str] = []
        for dependency in stage["deps"]:
            (code if dependency.startswith(CODE) else data).append(dependency)
        parts += [f"## {name} {{#{name}}}", stage["desc"], f"```text\n{_plain(stage['cmd']).strip()}\n```"]
        facts = {
            "Instances": instances[name],
            "Reads": data,
            "Parameters": [*_parameters(stage.get("params", ()))],
            "Writes": [*_outputs(stage)],
        }
        lines = [f"- **{title}**: {_listed(values)}" for title, values in facts.items() if values]
        after = ", ".join(f"[{other}](#{other})" for other in graph.follows[name]) or "nothing"
        parts.append("\n".join([*lines, f"- **Follows**: {after}", f"- **Code**: {_listed(code)}"]))
    return "\n\n".join(parts) + "\n"


def _parameters(declared: Sequence[Any]) -> Iterator[str]:
    """Keys of params.yaml, and `file: keys` of others."""
    for entry in declared:
        if isinstance(entry, str):
            yield entry
        else:
            yield from (f"{file}: {', '.join(keys)}" for file, keys in entry.items())


def _outputs(stage: Mapping[str, Any]) -> Iterator[str]:
    for kind in ("outs", "metrics", "plots"):
        for out in stage.get(kind, ()):
            yield out if isinstance(out, str) else next(iter(out))


def _listed(values: Sequence[str]) -> str:
    return ", ".join(f"`{_plain(value)}`" for value in values)


def _plain(text: str) -> str:
    """`${item.variant}` as `<variant>`."""
    return re.sub(r"\$\{(?:item\.)?(\w+)\}", r"<\1>", text)


def _is_within(key: str, section: str) -> bool:
    return key == section or key.startswith(f"{section}.")
