"""The commands in the texts, and whether their programs take them; nothing is run but `make --dry-run`."""

import functools
import re
import runpy
import shlex
import subprocess
import tomllib
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import pytest
import typer
from dvc.cli import parse_args
from dvc.utils.cli_parse import to_path_overrides
from dvc.utils.hydra import get_hydra_sweeps
from typer.testing import CliRunner

import stages.cli
import stages.command
from cgn.report.names import VARIANT_TITLES
from docs.build import graph, parameters
from experiments import studies
from experiments.settings import overridden
from tests.conftest import ROOT

ROOT_TEXTS = (ROOT / f"{name}.md" for name in ("README", "CONTRIBUTING", "SECURITY"))
TEXTS = {
    str(path.relative_to(ROOT)): path.read_text(encoding="utf-8")
    for path in (*ROOT_TEXTS, *sorted((ROOT / "docs").glob("*.md")))
} | {"stages": graph.START, "parameters": parameters.START}
FENCED = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.M | re.S)
PROGRAMS = ("make", "dvc", "python", "cgn", "pytest", "pip", "git", "pre-commit", "rm", ".")
PLACEHOLDERS = {
    "SEED": "0",
    "SEED=k": "SEED=0",
    "NAME": "u2net",
    "...": "vgg16_bn",
    "…": "real_share",
}  # -> a value


def commands_of(text: str) -> Iterator[str]:
    """Every command: a line of a block of bash, or code in a sentence that begins with a program."""
    for language, block in FENCED.findall(text):
        if language == "bash":
            yield from filter(None, block.replace("\\\n", " ").splitlines())
    for code in re.findall(r"`([^`]+)`", FENCED.sub("", text)):
        if code.split()[0] in PROGRAMS and len(code.split()) > 1:
            yield code


def documented() -> list[str]:
    """Every single command, once, without comments."""
    found: dict[str, None] = {}
    for text in TEXTS.values():
        for line in commands_of(text):
            words = [PLACEHOLDERS.get(word, word) for word in shlex.split(line, comments=True)]
            words = [word for word in words if word not in ("<<END", "END")]  # a script within the block
            while "&&" in words:
                cut = words.index("&&")
                found[shlex.join(words[:cut])] = None
                words = words[cut + 1 :]
            found[shlex.join(words)] = None
    return [command for command in found if command]


@functools.cache
def stage_names() -> set[str]:
    found = graph.read_graph(ROOT)
    return {*found.keys, *found.addresses, "score@colored_ground_mnist"}  # the last is made by a recipe


@functools.cache
def mains_of(module: str) -> dict[str, Callable[..., None]]:
    """What `python -m` of the module offers, by its sub-command."""
    found: dict[str, Callable[..., None]] = {}
    with pytest.MonkeyPatch.context() as patch:
        for name in ("run_command", "run_anywhere"):
            patch.setattr(stages.command, name, lambda _, mains: found.update(mains))
        patch.setattr(stages.command, "run", lambda main, **_: found.update({"": main}))
        patch.setattr(typer, "run", lambda main: found.update({"": main}))
        if module == "cgn":
            patch.setattr(stages.cli, "run_anywhere", lambda _, mains: found.update(mains))
            stages.cli.main()
        else:
            runpy.run_module(module, run_name="__main__")
    return found


def taken(mains: dict[str, Callable[..., None]], words: list[str]) -> dict[str, Any]:
    """The arguments that Typer makes of the words of a command, without running it."""
    given: dict[str, Any] = {}
    app = typer.Typer()
    for name, main in mains.items():

        @functools.wraps(main)
        def only_given(**arguments: Any) -> None:
            given.update(arguments)

        app.command(name or None)(only_given)
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0 or "does not exist" in done.output, done.output  # the folder of a user
    return given


def check_python(module: str, words: list[str]) -> None:
    if module == "benchmarks.speed":  # has no arguments
        assert not words
        return
    given = taken(mains_of(module), words or ["--help"])
    profile = [f"profile={given['profile']}"] if "profile" in given else []
    overridden([*profile, *given.get("set_param", [])])
    known = {"variant": set(VARIANT_TITLES), "stage": stage_names() | {None}, "study": set(studies.STUDIES)}
    for name, values in known.items():
        value = given.get(name, [])
        assert set(value if isinstance(value, list) else [value]) <= values


def check_dvc(words: list[str]) -> None:
    if words == ["remote", "add"]:  # named in a sentence, without what is added
        return
    arguments = parse_args(words)
    if words[:2] == ["exp", "run"]:
        for sweep in get_hydra_sweeps(to_path_overrides(arguments.set_param or [])):
            overridden([f"{file}:{override}" for file, overrides in sweep.items() for override in overrides])
    if words[0] == "repro" or words[:2] == ["exp", "run"]:
        assert set(arguments.targets) <= stage_names(), arguments.targets


def check_make(words: list[str]) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for word in words:
        name, sign, _ = word.partition("=")
        assert re.search(rf"\$\({name}\)" if sign else rf"^{name}:", makefile, re.M), f"make {word}"
    asked = ["make", "--dry-run", "--old-file=.venv/installed", *words]
    recipe = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for line in recipe.splitlines():
        if line.startswith(("python -m experiments", "python -m stages", "dvc ")):
            check(shlex.split(line))


def check_pytest(words: list[str]) -> None:
    markers = tomllib.loads(read("pyproject.toml"))["tool"]["pytest"]["ini_options"]["markers"]
    names = {marker.partition(":")[0] for marker in markers}
    for option, value in pairwise(["", *words]):
        if option == "-m":
            assert set(re.findall(r"\w+", value)) - {"not", "and"} <= names
        elif "-" not in (value[0], option[:1]):
            assert (ROOT / value).exists()


def check_pip(words: list[str]) -> None:
    command, name = words
    assert command == "install"
    assert name == "." or f'"{name}' in read("pyproject.toml")


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def check(words: list[str]) -> None:
    """Raises if the program does not take the words, or if they name what is not there."""
    program, *rest = words
    if program == "python":
        assert rest[0] == "-m"
        check_python(rest[1], rest[2:])
    elif program == "cgn":
        taken(mains_of("cgn"), rest if len(rest) > 1 else [*rest, "--help"])
    elif program in ("dvc", "make", "pytest", "pip"):
        {"dvc": check_dvc, "make": check_make, "pytest": check_pytest, "pip": check_pip}[program](rest)
    elif program == "rm" or rest[:1] == ["diff"]:
        assert any(ROOT.glob(rest[-1]))
    elif program == "sbatch":
        assert all(word.startswith("--") for word in rest)
    elif program == "pre-commit":
        assert (ROOT / ".pre-commit-config.yaml").exists()
    else:
        assert words[:2] in (
            [".", ".venv/bin/activate"],
            ["git", "checkout"],
            ["git", "clone"],
            ["cd", "clone"],
        )
