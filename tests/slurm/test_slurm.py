"""`experiments.submit` on a real Slurm of one node, which this test starts: an interrupted job goes on."""

import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.pipeline.conftest import copy_project, run_in

PROGRAMS = ("sbatch", "slurmctld", "slurmd", "munged")
STEPS = 4000  # of the CGN: long enough for a checkpoint, one each 30 seconds
PATIENCE = 1800  # seconds, on a busy machine

pytestmark = pytest.mark.slow


@pytest.fixture
def slurm(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A running Slurm, to which the commands of this process talk."""
    path = f"{os.environ['PATH']}{os.pathsep}/usr/sbin{os.pathsep}/sbin"
    if missing := [name for name in PROGRAMS if shutil.which(name, path=path) is None]:
        pytest.skip(f"no {', '.join(missing)}; apt-get install slurm-wlm munge")
    scripts, folder = root / "tests/slurm", tmp_path / "slurm"
    try:
        subprocess.run([scripts / "start.sh", folder], check=True)
        monkeypatch.setenv("SLURM_CONF", str(folder / "slurm.conf"))
        yield
    finally:
        subprocess.run([scripts / "stop.sh", folder], check=True)


def test_an_interrupted_job_goes_on_from_its_checkpoint(slurm: None, root: Path, tmp_path: Path) -> None:
    """The first time Slurm warns the job, as before a pre-emption; the second time it queues it again."""
    (tmp_path / "gitconfig").write_text("[user]\nname = Tests\nemail = tests@localhost\n")
    project = copy_project(root, tmp_path / "project")
    run = run_in(project)
    for words in ("init --quiet", "add --all", "commit --quiet --message start"):
        run("git", *words.split())

    words = ["python", "-m", "experiments.submit", "paper", "--seeds", "0", "--variant", "colored_mnist"]
    words += ["-S", "profile=smoke", "-S", f"budgets/smoke.yaml:train_cgn.steps={STEPS}"]
    environment = os.environ | {"GIT_CONFIG_GLOBAL": str(tmp_path / "gitconfig")}
    told = tmp_path / "submit.log"
    with told.open("w") as log:
        submit = subprocess.Popen(
            [*words, "--executor", "slurm"], cwd=project, env=environment, stdout=log, stderr=log
        )
    work = project / ".scratch/submit"

    def saved() -> list[Path]:
        """The CGN's checkpoint, once it is there."""
        return list(work.glob("*/scratch/**/train_cgn/*.pt"))

    def resumed() -> list[int]:
        """The steps at which the CGN's training went on."""
        text = "".join(path.read_text() for path in work.glob("logs/*/*_log.err"))
        return [int(step) for step in re.findall(rf"resuming at step (\d+) of {STEPS}", text)]

    try:
        wait_for(saved, submit)
        run("scancel", "--signal=USR2", "1")
        wait_for(resumed, submit)
        run("scontrol", "requeue", "1")
        assert submit.wait(PATIENCE) == 0, told.read_text()
    finally:
        submit.kill()
    first, second = resumed()
    assert 0 < first <= second < STEPS
    assert [path.name for path in (work / "logs").iterdir() if path.is_dir()] == ["1"]  # it was one job
    assert "paper-colored_mnist-0: done" in told.read_text()
    assert (project / "reports/paper/results/colored_mnist/cgn/seed_0.json").exists()


def wait_for(found: Callable[[], object], command: "subprocess.Popen[bytes]") -> None:
    """Until `found` is true. Fails when the command has ended, or after long."""
    deadline = time.monotonic() + PATIENCE
    while not found():
        assert command.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.5)
