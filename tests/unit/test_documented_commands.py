"""Every command in the texts is one that its program takes, and has a test that runs it."""

import re
import shlex
import subprocess
import sys
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from cgn.io.shards import Sample, write_shards
from cgn.scm import MNIST_SCM
from experiments import imagenet, submit
from tests.conftest import ROOT
from tests.unit.commands import FENCED, TEXTS, check, commands_of, documented, read

TUTORIAL = "tests/pipeline/test_dvc.py::test_the_tutorial"
PAPER = "tests/pipeline/test_dvc.py::test_a_paper_run_keeps_its_results_and_is_not_repeated"
INSTALLED = "tests/unit/test_audit_command.py::test_audit_and_the_scores_of_its_sets"
SEARCH = "tests/pipeline/test_dvc.py::test_a_search_runs_a_stage_and_keeps_each_result"
ASSETS = "tests/unit/test_assets_command.py::test_a_mirrored_file_is_named_with_its_licence"
LNTL = "tests/unit/experiments/test_lntl.py::test_each_part_has_a_result_that_is_kept"
S3 = "tests/pipeline/test_remote.py::test_push_and_pull_by_s3"
QUEUE = "tests/pipeline/test_experiments.py::test_a_queue_of_experiments"
CLONE = "tests/pipeline/test_experiments.py::test_a_clone_pulls_and_has_nothing_to_do"
EMOJI = "tests/unit/experiments/test_emoji.py::test_what_has_a_result_is_not_run_again"
BENCHMARKS = "tests/unit/benchmarks/test_benchmarks.py::"
HERE = "tests/unit/test_documented_commands.py::"
# The start of a command -> the test that runs it, on small data or at the size of `smoke`. Where no test is
# named, a file tests its parts; `test_its_program_takes_it` checks its words alone.
RUN_BY = {
    "make setup": TUTORIAL,
    "make repro": TUTORIAL,
    "make paper": PAPER,
    "make photos": "tests/pipeline/test_photos.py::test_a_folder_of_photos_becomes_shards_and_classifiers",
    "make docs": "tests/unit/test_docs.py::site",
    "make test": ".ci/run::make test",
    "make lint": ".ci/run::make test",
    "make test-all": "Makefile::test-all: test campaign",  # what `make test` runs, and tests/campaign
    "make mutants": f"{HERE}test_its_program_takes_it",  # it takes hours
    "make emoji": EMOJI,
    "make audit": f"{HERE}test_its_program_takes_it",  # asks the network, so the recipe alone is read
    "python -m stages.in9": "tests/unit/test_stage_alone.py::test_in9",
    "python -m stages.cue_conflict": "tests/unit/test_stage_alone.py::test_cue_conflict",
    "python -m stages.audit": INSTALLED,
    "python -m stages.assets": ASSETS,
    "python -m experiments.paper": PAPER,
    "python -m experiments.tuning": SEARCH,
    "python -m experiments.lntl": LNTL,
    "python -m experiments.deviations": "tests/pipeline/test_kept_results.py::test_a_deviation",
    "python -m experiments.long_deviations": "tests/unit/experiments/test_long_deviations.py::",
    "python -m experiments.studies": "tests/pipeline/test_kept_results.py::test_a_study",
    "python -m experiments.decomposition": "tests/unit/experiments/test_decomposition.py::",
    "python -m experiments.imagenet": f"{HERE}test_commands_of_the_experiments",
    "python -m experiments.submit": f"{HERE}test_commands_of_the_experiments",
    "python -m experiments.emoji": EMOJI,
    "python -m experiments.emoji_figures": "tests/unit/experiments/test_emoji_figures.py::",
    "python -m experiments.released_generators": "tests/unit/generators/mnist/test_released.py::",
    "python -m benchmarks.growth": f"{BENCHMARKS}test_curves_are_measured_and_drawn",
    "python -m benchmarks.reading": f"{BENCHMARKS}test_reading",
    "python -m benchmarks.released": f"{BENCHMARKS}test_both_schedules",
    "python -m benchmarks.paper_plan": f"{BENCHMARKS}test_the_plan",
    "python -m benchmarks.speed": "tests/unit/benchmarks/test_speed.py::test_speed",
    "python -m benchmarks.full_size": "tests/unit/generators/imagenet/test_full_size_training.py::",
    "cgn draw": "tests/unit/test_audit_command.py::test_a_drawing_by_the_shipped_generators",
    "cgn audit": INSTALLED,
    "cgn in9": INSTALLED,
    "cgn cue-conflict": INSTALLED,
    "pip install .": "tests/unit/test_audit_command.py::cgn",
    "pip install": f"{HERE}test_its_program_takes_it",
    "pytest": f"{HERE}test_its_program_takes_it",
    "pre-commit install": f"{HERE}test_its_program_takes_it",
    "dvc repro": TUTORIAL,
    "dvc exp run": TUTORIAL,
    "dvc exp show": TUTORIAL,
    "dvc exp apply": TUTORIAL,
    "dvc exp remove": TUTORIAL,
    "dvc metrics diff": TUTORIAL,
    "dvc params diff": TUTORIAL,
    "dvc plots diff": TUTORIAL,
    "dvc plots show": "tests/pipeline/test_dvc.py::test_diffs_and_plots",
    "dvc checkout": TUTORIAL,
    "dvc push": S3,
    "dvc pull": S3,
    **{f"dvc queue {command}": QUEUE for command in ("start", "status", "logs", "stop")},
    "dvc cache dir": f"{HERE}test_dvc_is_configured_as_told",
    "dvc config": f"{HERE}test_dvc_is_configured_as_told",
    "dvc remote add": S3,
    "dvc remote modify": S3,
    "sbatch": f"{HERE}test_commands_of_the_experiments",
    "git checkout": TUTORIAL,
    "git clone": CLONE,
    "cd clone": CLONE,
    "git diff": f"{HERE}test_its_program_takes_it",
    "rm reports/paper/results": f"{HERE}test_its_program_takes_it",
    ". .venv/bin/activate": TUTORIAL,
}
SNIPPETS = {
    "docs/extending.md": "tests/pipeline/test_extending.py::code_of",
    "docs/dataset_card.md": "tests/unit/test_dataset_card.py::test_both_loaders_give_the_first_image",
    "docs/scaling.md": f"{HERE}test_the_loader_of_shards",
    "docs/causal_model.md": f"{HERE}test_the_causal_model",
}


@pytest.mark.parametrize("command", documented())
def test_its_program_takes_it(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    check(shlex.split(command))


def starts(command: str) -> list[str]:
    plain = " ".join(shlex.split(command))
    return [start for start in RUN_BY if plain == start or plain.startswith((f"{start} ", f"{start}/"))]


def test_every_command_has_a_test_that_runs_it() -> None:
    assert not [command for command in documented() if not starts(command)]
    assert not set(RUN_BY) - {start for command in documented() for start in starts(command)}
    with_python = {name for name, text in TEXTS.items() if "python" in dict(FENCED.findall(text))}
    assert with_python == set(SNIPPETS)
    for place in {*RUN_BY.values(), *SNIPPETS.values()}:
        file, _, name = place.partition("::")
        assert (f"def {name}" if file.endswith(".py") else name) in read(file), place


def test_an_unknown_command_is_found() -> None:
    text = (
        "Run `dvc repro nowhere`.\n```bash\ndvc exp run -S mnist.cgn.lambda_musk=1\nmake coffee  # hot\n```\n"
    )
    commands = [*commands_of(text)]
    assert len(commands) == 3
    for command in commands:
        with pytest.raises(Exception, match=r"nowhere|lambda_musk|coffee"):
            check(shlex.split(command, comments=True))


def test_dvc_is_configured_as_told(tmp_path: Path) -> None:
    """The commands of docs/scaling.md, one after the other, in a repository of their own."""
    dvc = [sys.executable, "-m", "dvc"]
    subprocess.run([*dvc, "init", "--no-scm", "--quiet"], cwd=tmp_path, check=True)
    words = [shlex.split(line, comments=True) for line in commands_of(TEXTS["docs/scaling.md"])]
    told = [each[1:] for each in words if each[:2] in (["dvc", "cache"], ["dvc", "config"])]
    assert len(told) == 3
    for rest in told:
        subprocess.run([*dvc, *rest], cwd=tmp_path, check=True)
    config = (tmp_path / ".dvc/config.local").read_text(encoding="utf-8")
    assert "/shared/cgn-cache" in config
    assert "hardlink,symlink" in config


def snippet(name: str) -> str:
    (code,) = [block for language, block in FENCED.findall(TEXTS[name]) if language == "python"]
    return code


def test_the_loader_of_shards(tmp_path: Path) -> None:
    names = ("shape", "foreground", "background")
    image = np.zeros((8, 8, 3), np.uint8)
    samples = (Sample(image, {"index": i, "labels": dict.fromkeys(names, i % 10)}) for i in range(80))
    write_shards(tmp_path, samples, images_per_shard=10)
    code = (
        snippet("docs/scaling.md")
        .replace("s3://bucket/shards", str(tmp_path))
        .replace("range(70)", "range(2)")
    )
    seen: dict[str, Any] = {}
    exec(code, seen)
    assert seen["labels"].shape == (len(seen["images"]), 3)
    assert "workers=8" in code


def test_the_causal_model() -> None:
    text = TEXTS["docs/causal_model.md"]
    printed = StringIO()
    with redirect_stdout(printed):
        exec(snippet("docs/causal_model.md"), {})
    _, equations, after_do = [block for language, block in FENCED.findall(text) if language == "text"]
    assert printed.getvalue() == after_do
    assert equations.splitlines() == MNIST_SCM.equations()


def test_commands_of_the_experiments(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What docs/scaling.md tells to run are commands, with options that they have."""
    monkeypatch.chdir(root)
    told: list[Any] = []
    monkeypatch.setattr(submit, "submit", lambda *given: told.append(given))
    monkeypatch.setattr(imagenet, "run_target", lambda *given: told.append(given) or {"commit": ""})
    for module, name in ((imagenet, "scores_of"), (imagenet, "keep")):
        monkeypatch.setattr(module, name, lambda *_: {})
    for module in (submit.paper, submit.deviations, submit.tuning, submit.studies, submit.emoji):
        monkeypatch.setattr(module, "collect", lambda *_: None)
    whole = typer.Typer()
    whole.command()(imagenet.main)
    jobs = typer.Typer()
    for command, function in submit.COMMANDS.items():
        jobs.command(command)(function)
    apps = {"imagenet": whole, "submit": jobs}
    commands = re.findall(r"^python -m experiments\.(\w+) ([^#\n]*)", TEXTS["docs/scaling.md"], flags=re.M)
    for name, words in commands:
        done = CliRunner().invoke(apps[name], shlex.split(words), catch_exceptions=False)
        assert done.exit_code == 0, f"{name} {words}: {done.output}"
    assert len(told) == len(commands) == 11


def test_files_that_the_texts_name_are_there(root: Path) -> None:
    texts = [*root.glob("*.md"), *(root / "docs").glob("*.md"), root / "dvc.yaml", root / "imagenet/dvc.yaml"]
    texts += [*root.glob("*.yaml"), *(root / "budgets").glob("*.yaml"), *(root / "cgn").rglob("*.py")]
    folders = "cgn|stages|experiments|tests|docs|budgets|benchmarks"
    # Not the outputs in models/mnist/cgn and models/imagenet/cgn, nor the folder of the published code.
    named = re.compile(rf"(?<!mnist/)(?<!imagenet/)(?<!mnists/)\b(?:{folders})/[\w/]+\.[\w.]*\w")
    found = {name for text in texts for name in named.findall(text.read_text(encoding="utf-8"))}
    absent = {name for name in found if not (root / name).exists()}
    recipes = {"cgn/methods/label_smoothing.py", "cgn/metrics/worst_class.py"}
    outputs = {"cgn/all/snapshots.safetensors"}
    assert absent == recipes | outputs
