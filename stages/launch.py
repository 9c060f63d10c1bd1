"""Starts the ranks of a stage: on this machine by torch's elastic agent, on several by Slurm's srun.

The command that DVC or a user runs only waits for them. Under Slurm it runs in the batch script, and srun
starts one agent on each machine.
"""

import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path
from tempfile import mkdtemp

from cgn.errors import UserError
from cgn.training.params import LaunchParams
from stages.command import FAILED, INTERRUPTED, SCRATCH

RENDEZVOUS = "CGN_RENDEZVOUS"  # where the agents of several machines meet: host:port

log = logging.getLogger(__name__)


def start_ranks(stage: str, launch: LaunchParams, device: str) -> None:
    """Runs this command in `launch.processes` processes, and ends this one if they fail.

    The rank that fails first has said why, in one line. Raises UserError when there are too few GPUs, or
    several machines without Slurm.
    """
    command = [sys.executable, "-m", f"stages.{stage}", *sys.argv[1:]]
    if RENDEZVOUS in os.environ:
        _end(stage, _agent(launch, device, os.environ[RENDEZVOUS], command))
        return
    SCRATCH.mkdir(parents=True, exist_ok=True)
    folder = Path(mkdtemp(prefix=".ranks-", dir=SCRATCH.absolute()))  # which all machines see
    os.environ[FAILED] = str(folder / "failed")
    try:
        if launch.machines == 1:
            _end(stage, _agent(launch, device, "localhost:0", command))
        else:
            _end(stage, _srun(launch.machines, command))
    finally:
        shutil.rmtree(folder)
        del os.environ[FAILED]


def _end(stage: str, status: int) -> None:
    """Ends the process unless the status is 0; by a signal it is negative, as in `subprocess`."""
    if status < 0 and not Path(os.environ[FAILED]).exists():
        name = signal.Signals(-status).name
        log.error("%s: error: one of its processes was ended by %s; the same command goes on", stage, name)
    if status == INTERRUPTED:
        log.error("%s: interrupted; the same command goes on", stage)
    if status:
        sys.exit(status if status > 0 else 1)


def _agent(launch: LaunchParams, device: str, meeting: str, command: list[str]) -> int:
    """Runs this machine's ranks; the status of the first that failed, or 0."""
    import torch
    from torch.distributed.elastic.multiprocessing import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    logging.getLogger("torch").setLevel(logging.CRITICAL)  # the ranks say what is wrong
    each, gpus = launch.processes // launch.machines, torch.cuda.device_count()
    if device == "cuda" and each > gpus:
        raise UserError(f"launch.processes: {each} on each machine, which has {gpus} GPUs; take as many")
    config = LaunchConfig(
        min_nodes=launch.machines,
        max_nodes=launch.machines,
        nproc_per_node=each,
        run_id=os.environ.get("SLURM_JOB_ID", "stage"),
        rdzv_backend="c10d",
        rdzv_endpoint=meeting,
        max_restarts=0,
        local_addr="localhost" if launch.machines == 1 else None,
    )
    try:
        elastic_launch(config, command[0])(*command[1:])
    except ChildFailedError as error:
        return int(error.get_first_failure()[1].exitcode)
    except SignalException as error:
        return INTERRUPTED if error.sigval == signal.SIGINT else -error.sigval
    return 0


def _srun(machines: int, command: list[str]) -> int:
    """Runs an agent on each machine of this Slurm job; the highest status of all."""
    if shutil.which("srun") is None or "SLURM_JOB_ID" not in os.environ:
        raise UserError(f"launch.machines: {machines} need a job of Slurm (docs/scaling.md); else take 1")
    with socket.socket() as free:
        free.bind(("", 0))
        port = free.getsockname()[1]
    environment = os.environ | {RENDEZVOUS: f"{socket.gethostname()}:{port}"}
    if "SLURM_CPUS_PER_TASK" in environment:  # srun does not take those of the job by itself
        environment["SRUN_CPUS_PER_TASK"] = environment["SLURM_CPUS_PER_TASK"]
    srun = ["srun", f"--nodes={machines}", f"--ntasks={machines}", "--kill-on-bad-exit=1"]
    return subprocess.run([*srun, *command], env=environment).returncode
