"""Trainings that end as if a signal had come."""

from typing import Any

from cgn.training.checkpoint import Checkpoint


class KilledError(Exception):
    """Ends a run as a signal would."""


class KillingCheckpoint(Checkpoint):
    """Saves at step 5 and is killed at step 7."""

    calls = 0

    def save_if_due(self, state: Any) -> None:
        self.calls += 1
        if self.calls == 6:
            self.save(state())
        if self.calls == 8:
            raise KilledError
