"""The loop that every training goes through: it resumes, saves, shows progress and averages what is reported.

What a step does is up to the caller:

    loop = Loop(steps, checkpoint, "segmenter")
    loop.keep(network=network, optimizer=optimizer)
    for step in loop:
        loss = ...
        loop.record(loss=loss)
        if loop.every(50):
            loop.add_row(step=loop.done)
"""

import logging
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Protocol

from torch import Tensor
from tqdm import tqdm

from cgn.training.checkpoint import Checkpoint

log = logging.getLogger(__name__)

History = list[dict[str, float]]


class Stateful(Protocol):
    """A network, an optimizer or a schedule of torch."""

    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state: dict[str, Any], /) -> Any: ...


class Loop:
    """Yields the steps 0, 1, ... of a training that are not done yet.

    What steps change beside the loop's own `history` and `snapshots` has to be kept (`keep`, `keep_value`)
    before the first one: then a run that is killed, wherever that is, and started again ends with the same
    bytes as one that is not. The checkpoint is saved at the start of a step when that is due, and at the end.
    """

    def __init__(self, steps: int, checkpoint: Checkpoint, description: str) -> None:
        """`description` is that of the progress bar."""
        self.steps = steps
        self.done = 0  # the step under way is counted
        self.history: History = []
        self.snapshots: list[dict[str, Tensor]] = []
        self._checkpoint, self._description = checkpoint, description
        self._sums: dict[str, float | Tensor] = {}  # of what was recorded since the last row
        self._counts: dict[str, int] = {}
        self._kept: dict[str, tuple[Callable[[], Any], Callable[[Any], Any]]] = {}

    def keep(self, **parts: Stateful) -> None:
        """Save and load `parts` with the checkpoint."""
        for name, part in parts.items():
            self.keep_value(name, part.state_dict, part.load_state_dict)

    def keep_value(self, name: str, get: Callable[[], Any], put: Callable[[Any], Any]) -> None:
        """Save what `get` returns, tensors and plain values, and give it to `put` when the run goes on."""
        self._kept[name] = get, put

    def __iter__(self) -> Iterator[int]:
        first_step = self._resume()
        todo = range(first_step, self.steps)
        with tqdm(todo, self._description, total=self.steps, initial=first_step, unit="step") as self._bar:
            for step in self._bar:
                self._checkpoint.save_if_due(partial(self._state, step))
                self.done = step + 1
                yield step
        self._checkpoint.save(self._state(self.steps))

    def every(self, interval: int) -> bool:
        """Whether a multiple of `interval` steps is done, or all."""
        return self.done % interval == 0 or self.done == self.steps

    def record(self, **values: float | Tensor) -> None:
        """Count `values` (of one number each) in the means of the next row.

        Tensors are summed where they are: the device is not waited for.
        """
        for name, value in values.items():
            value = value.detach() if isinstance(value, Tensor) else value
            self._sums[name] = self._sums.get(name, 0.0) + value
            self._counts[name] = self._counts.get(name, 0) + 1

    def add_row(self, **places: float) -> None:
        """Add a row to the history: `places`, then the mean of each value recorded since the last row."""
        means = {name: float(total / self._counts[name]) for name, total in self._sums.items()}
        self.history.append({name: float(place) for name, place in places.items()} | means)
        self._bar.set_postfix({name: f"{mean:.4g}" for name, mean in means.items()}, refresh=False)
        self._sums, self._counts = {}, {}

    def _state(self, step: int) -> dict[str, Any]:
        return {
            "step": step,
            "history": self.history,
            "snapshots": self.snapshots,
            "sums": self._sums,
            "counts": self._counts,
            "kept": {name: get() for name, (get, _) in self._kept.items()},
        }

    def _resume(self) -> int:
        """Go back to the checkpoint's state, if there is one. Returns the step to go on with."""
        state = self._checkpoint.load()
        if state is None:
            return 0
        for name, (_, put) in self._kept.items():
            put(state["kept"][name])
        self.history, self.snapshots = state["history"], state["snapshots"]
        self._sums, self._counts = state["sums"], state["counts"]
        self.done = step = state["step"]
        log.info("resuming at step %d of %d from %s", step, self.steps, self._checkpoint.path)
        return int(step)
