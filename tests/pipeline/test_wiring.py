"""dvc.yaml says the whole truth: every module a stage imports and every parameter it reads is declared."""

import ast
import re
from pathlib import Path
from typing import Any

import pytest
from dvc.dependency import ParamsDependency
from dvc.repo import Repo

from cgn.data.mnist.variants import VARIANTS
from cgn.methods.registry import Method, methods_on
from cgn.params.reading import Values, read_files

# What decides whether a stage runs and adds nothing to what it writes: validation, messages, the start.
UNDECLARED = (
    *("cgn/errors.py", "cgn/section.py", "cgn/params", "stages/command.py"),
    *(f"cgn/{room}/params.py" for room in ("data", "training", "generators", "methods", "evaluation")),
)


@pytest.fixture(scope="module")
def stages(root: Path) -> dict[str, Any]:
    """Every stage of the pipeline's index, by address, as DVC resolved it."""
    return {stage.addressing: stage for stage in Repo(str(root)).index.stages}


def modules_imported(path: Path, root: Path) -> set[Path]:
    """Files of this repository that the file names in an import, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        found |= {root / (name.replace(".", "/") + ".py") for name in names}
    return {file for file in found if file.exists()}


def methods_trained(path: Path) -> dict[str, Method]:
    """The methods that a stage trains: those of the kind of data in its call of `method_sections`."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and getattr(node.func, "id", None) == "method_sections":
            _variant, data = node.args
            return methods_on(data.value)
    return {}


def import_closure(path: Path, root: Path) -> set[Path]:
    """All modules that a stage imports, but for the undeclared ones and what only those import."""
    undeclared = {root / path for path in UNDECLARED}
    trained = methods_trained(path)
    if trained:  # what it trains is said by its outputs and by the methods' own files
        undeclared.add(root / "cgn/methods/registry.py")
    closure: set[Path] = set()
    todo = [path, *(root / f"cgn/methods/{row.module}.py" for row in trained.values())]
    while todo:
        file = todo.pop()
        if file not in closure and not undeclared & {file, *file.parents}:
            closure.add(file)
            todo += modules_imported(file, root)
    return closure


def command_file(stage: Any, root: Path) -> Path:
    match = re.match(r"python -m (stages\.\w+)", stage.cmd)
    assert match, stage.cmd
    return root / (match[1].replace(".", "/") + ".py")


def imports_torch(path: Path, root: Path) -> bool:
    texts = (file.read_text(encoding="utf-8") for file in import_closure(path, root))
    return any(re.search(r"^ *(from|import) torch\b", text, re.M) for text in texts)


def keys_read(path: Path, arguments: dict[str, str], root: Path) -> set[str]:
    """Keys of all `section(...)` calls, with a stage's command-line arguments filled in.

    `StageRun`, `method_sections` and the modules that stages share read some for the stage.
    """
    keys = {f"methods.{row.section}" for row in methods_trained(path).values() if row.section}
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        called = getattr(node.func, "id", None) if isinstance(node, ast.Call) else None
        if called == "StageRun":
            keys |= {"seed", "threads", "device"}
        elif called == "section":
            (argument,) = node.args
            keys.add(eval(compile(ast.Expression(argument), "section", "eval"), {}, dict(arguments)))
    shared = {root / f"stages/{name}.py" for name in ("on_digits", "on_generated", "scoring")}
    return keys.union(*(keys_read(file, arguments, root) for file in shared & modules_imported(path, root)))


def in_files(keys: set[str], files: dict[str, Values]) -> set[str]:
    """The `keys` that a stage reads as "file:key", for each file that has some of them."""
    placed = {f"{name}:{key}" for key in keys for name, values in files.items() if holds(values, key)}
    for room, _, rest in (key.partition(".") for key in keys if key.startswith(("budgets.", "assets."))):
        placed |= {f"{name}:{rest}" for name in files if name.startswith(room)}
    if any(re.fullmatch(r"mnist\.variants\.\w+", key) for key in keys):
        # A profile's file has such facts for some variants only: stages of all variants declare the section.
        placed -= {key for key in placed if key.startswith("budgets") and ":mnist.variants." in key}
        placed |= {f"{name}:mnist.variants" for name, values in files.items() if name.startswith("budgets")}
    if any(key.startswith("budgets") for key in placed):
        placed.add("params.yaml:profile")
    return placed


def holds(values: Any, key: str) -> bool:
    """Whether a file has something at a dotted key."""
    for part in key.split("."):
        if not isinstance(values, dict) or part not in values:
            return False
        values = values[part]
    return True


def outermost(keys: set[str]) -> set[str]:
    """Without the keys inside of another one of `keys`."""
    return {key for key in keys if not any(key.startswith(f"{other}.") for other in keys)}


def arguments_of(stage: Any) -> dict[str, str]:
    words = stage.cmd.split()[3:]
    if words and words[0].startswith("--"):
        return {option[2:]: value for option, value in zip(words[::2], words[1::2], strict=True)}
    return dict(zip(("variant",), words, strict=True)) if words else {}


def test_every_command_file_is_of_a_stage_that_has_its_name(stages: dict[str, Any], root: Path) -> None:
    names = {stage.name.split("@")[0] for stage in stages.values()}
    commands = {stage.cmd.split()[2].removeprefix("stages.") for stage in stages.values()}
    assert names - commands == {"in9_random_surfaces"}  # `in9` of another set
    no_stages = {"assets", "audit", "cli", "command", "draw", "launch", "pretrain", "score_photos"}
    no_stages |= {"methods", "on_digits", "on_generated", "run", "scoring"}  # shared by stages
    assert {path.stem for path in (root / "stages").glob("*.py")} - no_stages == commands
    cells = 6 + 15 * len(VARIANTS) + 16 + 5  # of one cell; of each variant; ImageNet; ablations
    assert len(stages) == cells


def test_import_closures_are_dependencies(stages: dict[str, Any], root: Path) -> None:
    for address, stage in stages.items():
        paths = {Path(str(dep.fs_path)) for dep in stage.deps if not isinstance(dep, ParamsDependency)}
        declared = {path for path in paths if path.relative_to(root).parts[0] in {"cgn", "stages"}}
        needed = import_closure(command_file(stage, root), root)
        lacking = {file for file in needed if not declared & {file, *file.parents}}
        assert not lacking, f"{address} lacks {sorted(map(str, lacking))}"
        code = {path for path in declared if path.suffix in {"", ".py"}}
        stale = {path for path in code if not any(path in {file, *file.parents} for file in needed)}
        assert not stale, f"{address} declares {sorted(map(str, stale))} and does not import it"


def test_a_folder_is_declared_where_all_of_it_is_imported(stages: dict[str, Any], root: Path) -> None:
    for address, stage in stages.items():
        needed = import_closure(command_file(stage, root), root)
        for folder in (Path(str(dep.fs_path)) for dep in stage.deps if not isinstance(dep, ParamsDependency)):
            if folder.is_relative_to(root / "cgn") and folder.is_dir():
                assert set(folder.rglob("*.py")) <= needed, f"{address} declares {folder}"


def test_templates_are_dependencies(stages: dict[str, Any], root: Path) -> None:
    """Files that are no code and named after the module that reads them, as page.css after page.py.

    The pages audit and photos are no stage's.
    """
    declared = {Path(str(dep.fs_path)) for dep in stages["report"].deps}
    templates = {path for path in (root / "cgn").rglob("*.*") if path.suffix not in {".py", ".pyc"}}
    assert {path.name for path in templates} - {path.name for path in declared} == {
        "audit.html.j2",
        "photos.html.j2",
    }
    assert root / "cgn/report/page.py" in declared


def test_parameters_read_are_those_declared(stages: dict[str, Any], root: Path) -> None:
    for address, stage in stages.items():
        declared = {
            f"{Path(dep.fs_path).relative_to(root)}:{key}"
            for dep in stage.deps
            if isinstance(dep, ParamsDependency)
            for key in dep.params
        }
        file = command_file(stage, root)
        read = in_files(keys_read(file, arguments_of(stage), root), read_files(root))
        if imports_torch(file, root):  # `run` in stages/command.py sets the number of threads
            read.add("params.yaml:threads")
        assert outermost(declared) == outermost(read), (
            f"{address}: declared {sorted(declared)}, read {sorted(read)}"
        )


def test_commands_have_the_arguments_that_main_takes(stages: dict[str, Any], root: Path) -> None:
    for address, stage in stages.items():
        tree = ast.parse(command_file(stage, root).read_text())
        main = next(node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "main")
        assert [argument.arg for argument in main.args.args] == list(arguments_of(stage)), address


def test_every_stage_says_what_it_does(stages: dict[str, Any]) -> None:
    assert all(stage.desc for stage in stages.values())


def test_no_stage_is_frozen_or_always_run(root: Path) -> None:
    for path in ("dvc.yaml", "imagenet/dvc.yaml"):
        assert not re.search(r"(?m)^ *(persist|always_changed|frozen):", (root / path).read_text())
