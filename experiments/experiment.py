"""Runs a DVC experiment in a temporary copy; the workspace's lock, metrics and outputs do not change."""

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from ruamel.yaml import YAML

from cgn.errors import UserError
from cgn.io.files import read_json
from cgn.report.run_facts import run_facts

DVC = [sys.executable, "-m", "dvc"]


def scratch_of(program: str) -> Path:
    """The folder of a program's checkpoints, in `$CGN_SCRATCH` or else in .scratch."""
    return Path(os.environ.get("CGN_SCRATCH", ".scratch")) / program


class Outcome(NamedTuple):
    """The results of the stages `score` and `score_mechanisms` for one variant, and the facts of the run."""

    classifiers: dict[str, Any]
    mechanisms: dict[str, Any]
    facts: dict[str, Any]  # command, commit, versions, machine, wall_time_seconds
    digests: dict[str, str]  # MD5 of every output, by path


def run_experiment(name: str, variant: str, settings: list[str], scratch: Path) -> Outcome:
    """Scores a variant in the experiment `name`; arguments and errors are those of `run_target`."""
    made = run_target(name, [f"score@{variant}", f"score_mechanisms@{variant}"], settings, scratch)
    classifiers = _scores_of(name, variant, "classifiers")
    # The stages of the variant, and those that all variants share.
    timings = [path for path in (scratch / "timings").glob("*.json") if _concerns(path.stem, variant)]
    facts = facts_of(name, made, timings)
    mechanisms = mechanisms_of(name, variant)
    return Outcome(classifiers, mechanisms, facts, digests(locked_stages(name), variant))


def run_target(name: str, target: str | Sequence[str], settings: list[str], scratch: Path) -> dict[str, str]:
    """Makes `target`, one or several, as the experiment `name` with `settings` ("key=value", as for -S).

    Outputs that earlier experiments have made come from DVC's cache. Checkpoints are in `scratch`, so the
    same call resumes an interrupted run. Returns the `command`, and the `commit` that the experiment starts
    from. Raises UserError without Git, or when the run fails.
    """
    commit = starting_commit()
    # An earlier experiment of this name is removed; its outputs stay in the cache.
    subprocess.run([*DVC, "exp", "remove", name], capture_output=True)
    words = ["exp", "run", "--temp", "--name", name]
    changes = [word for setting in settings for word in ("-S", setting)]
    environment = os.environ | {"CGN_SCRATCH": str(scratch.resolve())}
    targets = [target] if isinstance(target, str) else list(target)
    process = subprocess.Popen([*DVC, *words, *changes, *targets], env=environment)
    try:
        status = process.wait()
    except KeyboardInterrupt:
        process.wait()  # DVC cleans up its copy
        raise UserError(f"{name}: interrupted; the same command goes on") from None
    if status != 0:
        raise UserError(f"{name}: failed (see above); once that is mended, the same command goes on")
    told = " ".join(f"-S '{setting}'" for setting in recorded(settings))
    return {"command": f"dvc {' '.join(words)} {told} {' '.join(targets)}", "commit": commit}


@contextmanager
def files_of(experiment: str, paths: Iterable[str]) -> Iterator[Path]:
    """Yields a temporary folder with `paths`, files or folders, as they are in an experiment.

    Raises UserError when the repository has no experiment of this name.
    """
    from dvc.api import DVCFileSystem
    from dvc.scm import RevError

    try:
        system: Any = DVCFileSystem(rev=experiment)
        system.isdir(".")  # looks the name up
    except RevError:
        raise UserError(f"{experiment}: no such DVC experiment here; run it first") from None
    with TemporaryDirectory() as temporary:
        for path in paths:
            target = Path(temporary, path)
            target.parent.mkdir(parents=True, exist_ok=True)
            if system.isdir(path):
                system.get(path, str(target), recursive=True)
            else:
                system.get_file(path, str(target))
        yield Path(temporary)


def facts_of(name: str, made: dict[str, str], timings: Iterable[Path]) -> dict[str, Any]:
    """The facts of a run: those `made` by `run_target`, versions, machine, and the stages' time."""
    # Not of `dvc exp show`, which also lists runs of this name that were killed.
    params = _yaml("params.yaml", name)
    seconds = [float(read_json(path)["seconds"]) for path in timings]
    return run_facts(params["profile"], int(params["seed"]), seconds) | made


def mechanisms_of(name: str, variant: str) -> dict[str, Any]:
    """The results of the stage `score_mechanisms` for one variant in the experiment `name`."""
    return _scores_of(name, variant, "mechanisms")


def _scores_of(name: str, variant: str, kind: str) -> dict[str, Any]:
    from dvc.api import read

    scores: dict[str, Any] = json.loads(read(f"scores/mnist/{variant}/{kind}.json", rev=name))
    return scores


def locked_stages(name: str) -> dict[str, Any]:
    """The stages in the dvc.lock of the experiment `name`."""
    stages: dict[str, Any] = _yaml("dvc.lock", name)["stages"]
    return stages


def _yaml(file: str, experiment: str) -> dict[str, Any]:
    """A file of an experiment."""
    from dvc.api import read

    values: dict[str, Any] = YAML(typ="safe").load(read(file, rev=experiment))
    return values


def digests(stages: dict[str, Any], variant: str) -> dict[str, str]:
    """The MD5 of each output of the `stages` of a dvc.lock that are of `variant` or of all variants."""
    own = (
        entry
        for stage, entry in stages.items()
        if stage != "report" and stage.partition("@")[2] in ("", variant)
    )
    found = {out["path"]: out["md5"] for entry in own for out in entry["outs"]}
    return dict(sorted(found.items()))


def recorded(settings: list[str]) -> list[str]:
    """`settings` as results record them: of paths, only the last part is kept."""
    pairs = (setting.partition("=") for setting in settings)
    return [f"{key}=.../{Path(value).name}" if "/" in value else f"{key}={value}" for key, _, value in pairs]


def require_equal_runs(kept: Iterable[Path], profile: str, settings: list[str]) -> None:
    """Raises UserError when a result has another profile, or other `settings` but for seed and threads.

    Means and pairs need equal runs. Results have the fields `run` and `settings`, which `recorded` gives.
    """
    asked = set(without_seed_and_threads(recorded(settings)))
    for path in sorted(kept):
        result = read_json(path)
        if (other := result["run"]["profile"]) != profile:
            raise UserError(f"{path}: of the profile {other}, not {profile}; move it away first")
        if others := set(without_seed_and_threads(result["settings"])) ^ asked:
            told = ", ".join(sorted(others))
            raise UserError(f"{path}: its settings differ in {told}; run with equal ones, or move it away")


def without_seed_and_threads(settings: Iterable[str]) -> list[str]:
    """`settings` without the seed and the number of threads, which changes no more than rounding."""
    return [one for one in settings if not one.startswith(("seed=", "threads="))]


def _concerns(timed: str, variant: str) -> bool:
    return "-" not in timed or timed.endswith(f"-{variant}")


def starting_commit() -> str:
    """The commit that an experiment starts from, with "-dirty" if the working tree differs from it.

    Changes in reports do not count, because results are kept there. Raises UserError without Git or commit.
    """
    head = _git("rev-parse", "--verify", "HEAD")
    changed = _git("status", "--porcelain", "--untracked-files=no", "--", ".", ":!reports")
    return head.strip() + ("-dirty" if changed else "")


def _git(*words: str) -> str:
    """The output of a Git command. Raises UserError when it fails."""
    try:
        done = subprocess.run(["git", *words], capture_output=True, encoding="utf-8", errors="replace")
    except FileNotFoundError:
        raise UserError("git: not found; DVC's experiments need Git: install it") from None
    if done.returncode == 0:
        return done.stdout
    here, reason = Path.cwd(), done.stderr.partition("\n")[0].removeprefix("fatal: ")
    remedies = {
        "not a git repository": "git init, git add --all, git commit",
        "dubious ownership": f"git config --global --add safe.directory {here}",
        "single revision": "there is no commit yet: git add --all, git commit",
    }
    remedy = next((told for sign, told in remedies.items() if sign in reason), "mend that")
    raise UserError(f"{here}: DVC's experiments need a Git commit, but: {reason}; {remedy}")
