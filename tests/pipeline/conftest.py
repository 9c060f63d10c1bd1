"""A temporary copy of the project with its smoke graph run once, for tests with the real `dvc` command."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., str]

_LEFT_OUT = (
    *(".git", ".venv", ".scratch", "cache", "tmp", "config.local", "results"),
    *("__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".import_linter_cache"),
)
_OUTPUTS = {"data", "models", "scores"}  # of the repository's root; cgn/data is code


def environment_of(parent: Path, measured: bool = False) -> dict[str, str]:
    """The environment with the tests' own interpreter first on the path, and Git's settings of `parent`.

    Coverage is not `measured` in a copy whose code a test changes, because lines would be others.
    """
    kept = {name: value for name, value in os.environ.items() if measured or "COVERAGE" not in name}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return kept | {"PATH": path, "GIT_CONFIG_GLOBAL": str(parent / "gitconfig")}


def run_in(folder: Path, measured: bool = False) -> Run:
    """A function that runs a command in `folder` with the environment of `environment_of`."""
    environment = environment_of(folder.parent, measured)

    def run(*words: str, status: int = 0) -> str:
        done = subprocess.run(
            words, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        assert done.returncode == status, (
            f"{' '.join(words)}: status {done.returncode}\n{done.stdout[-4000:]}"
        )
        return done.stdout

    return run


def stages_run(output: str) -> set[str]:
    """The stages that ran, by DVC's output."""
    return set(re.findall(r"Running stage '([^']+)'", output))


def commands_of(page: Path, heading: str) -> list[list[str]]:
    """The commands in a section of a documentation page, as words."""
    section = page.read_text(encoding="utf-8").partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    lines = "".join(re.findall(r"^```bash\n(.*?)^```", section, flags=re.M | re.S)).splitlines()
    return [shlex.split(line, comments=True) for line in lines]


def copy_project(root: Path, target: Path) -> Path:
    """What a commit of the working tree would hold, without data and caches."""
    patterns = shutil.ignore_patterns(*_LEFT_OUT)

    def ignore(folder: str, names: list[str]) -> set[str]:
        return patterns(folder, names) | (_OUTPUTS if Path(folder) == root else set())

    shutil.copytree(root, target, ignore=ignore)
    params = target / "params.yaml"
    text = params.read_text(encoding="utf-8")
    assert "\nprofile: laptop\n" in text
    text = text.replace("\nprofile: laptop\n", "\nprofile: smoke\n")
    params.write_text(text.replace("\nthreads: 2\n", "\nthreads: 1\n"))  # its batches are tiny
    return target


@pytest.fixture(scope="session")
def smoke(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A committed copy whose smoke graph has run."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "gitconfig").write_text(
        "[user]\nname = Tests\nemail = tests@localhost\n[init]\ndefaultBranch = main\n"
    )
    project = copy_project(root, folder / "project")
    run = run_in(project)
    run("git", "init", "--quiet")
    run_in(project, measured=True)("dvc", "repro")
    run("git", "add", "--all")
    run("git", "commit", "--quiet", "--message", "smoke")
    return project


@pytest.fixture
def dvc(smoke: Path) -> Run:
    """Run a command in the smoke copy."""
    return run_in(smoke)
