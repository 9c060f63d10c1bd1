"""Jobs of `experiments.submit`: a command in a clone of its own, on this machine or on a cluster."""

import logging
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cgn.errors import UserError
from cgn.io.files import atomic_path

RESULTS = "reports"  # whose new files come back
POLL = 1.0  # seconds between two looks at the jobs
# Slurm sends these to all processes of a job before it queues the job again. submitit answers them; a command
# that they ended would look like one that has failed, and the job would be there twice.
UNTOUCHED = ("sh", "-c", 'trap "" TERM USR2; exec "$@"', "job")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Job:
    """Runs `python -m WORDS` in a clone of the repository `root` at `commit`.

    The clone uses the cache of `root`. Checkpoints and the clone lie in the folder `work`, which is kept
    until the job succeeds, so that a job that is submitted again goes on. New files below `RESULTS` are
    copied to `root`, but for those named in `summaries`, which are made of the results of all jobs.
    """

    name: str
    words: tuple[str, ...]
    root: Path
    commit: str
    work: Path
    summaries: tuple[str, ...] = ()

    def __call__(self) -> list[str]:
        """Runs the job. Returns the files that came back; raises RuntimeError when the command fails."""
        clone = self.work / "clone"
        if not (clone / ".git").exists():
            self._clone(clone)
        environment = os.environ | {"CGN_SCRATCH": str(self.work / "scratch")}
        words = [*UNTOUCHED, sys.executable, "-m", *self.words]
        done = subprocess.run(words, cwd=clone, env=environment)
        if done.returncode != 0:
            raise RuntimeError(f"{self.name}: {' '.join(self.words)} ended with status {done.returncode}")
        found = _run(clone, "git", "status", "--porcelain", "--untracked-files=all", "-z", "--", RESULTS)
        changed = [entry[3:] for entry in found.split("\0") if entry]
        results = [path for path in changed if path not in self.summaries and (clone / path).is_file()]
        for path in results:
            with atomic_path(self.root / path) as temporary:
                shutil.copyfile(clone / path, temporary)
        shutil.rmtree(self.work)
        return results

    def checkpoint(self) -> Any:
        """Before a preemption or the end of its time: the job is queued again, and goes on."""
        from submitit.helpers import DelayedSubmission

        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # also for `scontrol requeue`, which ends its own step
        return DelayedSubmission(self)

    def _clone(self, clone: Path) -> None:
        with atomic_path(clone) as temporary:
            _run(self.root, "git", "clone", "--quiet", "--no-checkout", ".", str(temporary.resolve()))
            _run(temporary, "git", "checkout", "--quiet", "--detach", self.commit)
            dvc = [sys.executable, "-m", "dvc"]
            cache = _run(self.root, *dvc, "cache", "dir").strip()
            _run(temporary, *dvc, "cache", "dir", "--local", str((self.root / cache).resolve()))


def _run(folder: Path, *words: str) -> str:
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(words)}: {done.stderr.strip()}")
    return done.stdout


def clean_commit(root: Path) -> str:
    """The commit of `root`. Raises UserError when files differ from it, which a clone would not have."""
    words = ("status", "--porcelain", "--untracked-files=no", "--", ".", f":!{RESULTS}")
    if changed := _run(root, "git", *words):
        first = changed.splitlines()[0][3:]
        raise UserError(f"{first}: differs from the commit, which the jobs' clones have; commit it first")
    return _run(root, "git", "rev-parse", "HEAD").strip()


def run_jobs(executor: Any, jobs: Sequence[Job], at_once: int, attempts: int) -> None:
    """Runs all jobs, `at_once` at the same time; a job that fails is submitted again, up to `attempts` times.

    Raises UserError, when all others are done, if a job has failed every time.
    """
    waiting = deque((job, 1) for job in jobs)
    running: list[tuple[Any, Job, int]] = []
    failed: list[str] = []
    while waiting or running:
        while waiting and len(running) < at_once:
            job, attempt = waiting.popleft()
            running.append((executor.submit(job), job, attempt))
            log.info("%s: submitted as job %s", job.name, running[-1][0].job_id)
        time.sleep(POLL)
        for entry in [entry for entry in running if entry[0].done()]:
            running.remove(entry)
            handle, job, attempt = entry
            error = handle.exception()
            if error is None:
                log.info("%s: done; %d files in %s", job.name, len(handle.result()), RESULTS)
            elif attempt < attempts:
                log.warning("%s: failed, submitted again; see %s", job.name, handle.paths.stderr)
                waiting.append((job, attempt + 1))
            else:
                failed.append(f"{job.name} ({handle.paths.stderr})")
    if failed:
        names = ", ".join(failed)
        raise UserError(f"failed {attempts} times: {names}; mend that, and the same command goes on")
