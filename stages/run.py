"""What every stage that trains needs: seed, threads, device, checkpoints and outputs."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from stages.command import SCRATCH, section

log = logging.getLogger(__name__)


class Output(NamedTuple):
    """Where a training writes, and from where it goes on when it was cut off."""

    folder: Path
    checkpoint: Any  # cgn.training.checkpoint.Checkpoint


class StageRun:
    """One run of the stage `name`."""

    def __init__(self, name: str) -> None:
        from cgn.training.device import torch_device  # late, as all of torch: `run` sets the threads first

        self.name = name
        self.seed, self.threads, device = section("seed"), section("threads"), section("device")
        self.device = torch_device(device)
        self._machine = [self.seed, self.threads, device]

    def checkpoint(self, of: str, depends_on: Sequence[Any], inputs: Sequence[Path]) -> Any:
        """The checkpoint of training `of`; one of other parameters, inputs or code is not used."""
        from cgn.training.checkpoint import Checkpoint, fingerprint

        run_id = fingerprint([*self._machine, *depends_on], list(inputs))
        return Checkpoint(SCRATCH / self.name / f"{of}.pt", run_id)

    @contextmanager
    def output(
        self, folder: Path, of: str, depends_on: Sequence[Any], inputs: Sequence[Path]
    ) -> Iterator[Output]:
        """An empty folder that becomes `folder` when the block ends; then the checkpoint goes."""
        from cgn.io.files import atomic_folder

        checkpoint = self.checkpoint(of, depends_on, inputs)
        with atomic_folder(folder) as temporary:
            yield Output(temporary, checkpoint)
        checkpoint.remove()
        log.info("%s: what was trained is in %s", of, folder)
