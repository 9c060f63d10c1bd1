"""The overrides of the long command lines in the docs are ones that DVC and the parameters take."""

import re
import shlex
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from experiments import imagenet, submit
from experiments.settings import overridden


def test_runs_of_other_worlds(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)
    text = (root / "docs/imagenet_worlds.md").read_text(encoding="utf-8")
    documented = []
    for command in re.findall(r"^dvc exp run (.*?)^```", text, flags=re.M | re.S):
        words = shlex.split(command.replace("\\\n", " "))
        overrides = [value for option, value in pairwise(words) if option == "-S"]
        documented.append(overridden(overrides))
    (own,) = documented
    assert (own.imagenet.world, own.imagenet.folder.path) == ("folder", "~/Meine Fotos/Vögel")


def test_commands_of_the_experiments(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What docs/scaling.md tells to run are commands, with options that they have."""
    monkeypatch.chdir(root)
    told: list[Any] = []
    monkeypatch.setattr(submit, "submit", lambda *given: told.append(given))
    monkeypatch.setattr(imagenet, "run_target", lambda *given: told.append(given) or {"commit": ""})
    for module, name in ((imagenet, "scores_of"), (imagenet, "write_json")):
        monkeypatch.setattr(module, name, lambda *_: {})
    for module in (submit.paper, submit.deviations, submit.tuning):
        monkeypatch.setattr(module, "collect", lambda: None)
    whole = typer.Typer()
    whole.command()(imagenet.main)
    jobs = typer.Typer()
    for command, function in submit.COMMANDS.items():
        jobs.command(command)(function)
    apps = {"imagenet": whole, "submit": jobs}
    text = (root / "docs/scaling.md").read_text(encoding="utf-8")
    commands = re.findall(r"^python -m experiments\.(\w+) ([^#\n]*)", text, flags=re.M)
    for name, words in commands:
        done = CliRunner().invoke(apps[name], shlex.split(words), catch_exceptions=False)
        assert done.exit_code == 0, f"{name} {words}: {done.output}"
    assert len(told) == len(commands) == 7


def test_files_that_the_texts_name_are_there(root: Path) -> None:
    texts = [root / "README.md", *(root / "docs").glob("*.md"), root / "dvc.yaml", root / "imagenet/dvc.yaml"]
    texts += [*root.glob("*.yaml"), *(root / "budgets").glob("*.yaml"), *(root / "cgn").rglob("*.py")]
    folders = "cgn|stages|experiments|tests|docs|budgets|benchmarks"
    # Not the outputs in models/mnist/cgn and models/imagenet/cgn.
    named = re.compile(rf"(?<!mnist/)(?<!imagenet/)\b(?:{folders})/[\w/]+\.[\w.]*\w")
    found = {name for text in texts for name in named.findall(text.read_text(encoding="utf-8"))}
    absent = {name for name in found if not (root / name).exists()}
    recipes = {"cgn/methods/label_smoothing.py", "cgn/metrics/worst_class.py"}
    outputs = {"cgn/all/snapshots.safetensors"}  # of models/imagenet, whose paths end alike
    assert absent == recipes | outputs
