"""Seed, threads, device, checkpoints and outputs of the stages that train."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from stages.command import SCRATCH, section

log = logging.getLogger(__name__)


class Output(NamedTuple):
    """The folder that a training writes, and its checkpoint."""

    folder: Path
    checkpoint: Any  # cgn.training.checkpoint.Checkpoint


class StageRun:
    """One run of the stage `name`."""

    def __init__(self, name: str) -> None:
        from cgn.training.device import torch_device  # late: imports torch, after `run` has set the threads

        self.name = name
        self.seed, self.threads, device = section("seed"), section("threads"), section("device")
        self.device = torch_device(device)
        self._machine = [self.seed, self.threads, device]

    def checkpoint(self, of: str, depends_on: Sequence[Any], inputs: Sequence[Path]) -> Any:
        """The checkpoint of training `of`, valid for these parameters, inputs and the current code."""
        from cgn.training.checkpoint import Checkpoint, fingerprint

        run_id = fingerprint([*self._machine, *depends_on], list(inputs))
        return Checkpoint(SCRATCH / self.name / f"{of}.pt", run_id)

    @contextmanager
    def output(
        self, folder: Path, of: str, depends_on: Sequence[Any], inputs: Sequence[Path]
    ) -> Iterator[Output]:
        """Yields an empty folder, which becomes `folder` after the block, when the checkpoint is deleted."""
        from cgn.io.files import atomic_folder

        checkpoint = self.checkpoint(of, depends_on, inputs)
        with atomic_folder(folder) as temporary:
            yield Output(temporary, checkpoint)
        checkpoint.remove()
        log.info("%s: what was trained is in %s", of, folder)
