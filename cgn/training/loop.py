"""The loop of every training: it resumes, saves checkpoints, shows progress and averages the logged values.

The caller writes the body of a step:

    loop = Loop(steps, checkpoint, "segmenter")
    loop.keep(network=network, optimizer=optimizer)
    for step in loop:
        loss = ...
        loop.record(loss=loss)
        if loop.every(50):
            loop.add_row(step=loop.done)
"""

import logging
import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Protocol

from torch import Tensor
from tqdm import tqdm

from cgn import ranks
from cgn.errors import UserError
from cgn.io.files import atomic_path
from cgn.io.histories import write_history
from cgn.training.checkpoint import Checkpoint

LASTING = 20  # looks in a row at which a watched value is out of its range

log = logging.getLogger(__name__)

History = list[dict[str, float]]


class Stateful(Protocol):
    """A network, an optimizer or a schedule of torch."""

    def state_dict(self) -> dict[str, Any]:
        """The state, as torch names it."""
        ...

    def load_state_dict(self, state: dict[str, Any], /) -> Any:
        """Sets a state of `state_dict`."""
        ...


class Loop:
    """Iterates over the steps 0, 1, ... of a training that are not done yet.

    Before the first step, register with `keep` or `keep_value` everything that steps change, except the
    loop's own `history` and `snapshots`. A run that is killed at any point and started again then ends with
    the same bytes as an uninterrupted run. The checkpoint is saved at the start of a step, when due, and at
    the end. Each new row is in a CSV file beside it at once, for those who watch; nothing reads it.

    Raises UserError, with the step and the quantity, when a recorded or a kept value is not finite, or when a
    watched one has left its range for long. The last checkpoint from before stays.
    """

    def __init__(self, steps: int, checkpoint: Checkpoint, description: str) -> None:
        """`description` labels the progress bar."""
        self.steps = steps
        self.done = 0  # includes the current step
        self.history: History = []
        self.snapshots: list[dict[str, Tensor]] = []
        self._checkpoint, self._description = checkpoint, description
        self._rows = checkpoint.path.with_suffix(".csv")
        self._sums: dict[str, float | Tensor] = {}  # of the values recorded since the last row
        self._counts: dict[str, int] = {}
        self._kept: dict[str, tuple[Callable[[], Any], Callable[[Any], Any]]] = {}
        self._outside: dict[str, int] = {}  # looks in a row at which a watched value was out of its range

    def keep(self, **parts: Stateful) -> None:
        """Registers `parts` to be saved and loaded with the checkpoint."""
        for name, part in parts.items():
            self.keep_value(name, part.state_dict, part.load_state_dict)

    def keep_value(self, name: str, get: Callable[[], Any], put: Callable[[Any], Any]) -> None:
        """Registers a value: `get` returns it (tensors, plain values) to save; `put` takes it on resuming."""
        self._kept[name] = get, put

    def __iter__(self) -> Iterator[int]:
        first_step = self._resume()
        todo = range(first_step, self.steps)
        with tqdm(todo, self._description, total=self.steps, initial=first_step, unit="step") as self._bar:
            for step in self._bar:
                if not any(self._outside.values()):
                    self._checkpoint.save_if_due(partial(self._state, step))
                self.done = step + 1
                yield step
        self._checkpoint.save(self._state(self.steps))

    def every(self, interval: int) -> bool:
        """Whether the number of steps done is a multiple of `interval`, or all steps are done."""
        return self.done % interval == 0 or self.done == self.steps

    def record(self, **values: float | Tensor) -> None:
        """Adds `values` (one number each) to the means of the next row.

        Tensors are summed on their device, without waiting for it.
        """
        for name, value in values.items():
            value = value.detach() if isinstance(value, Tensor) else self._finite(name, value)
            self._sums[name] = self._sums.get(name, 0.0) + value
            self._counts[name] = self._counts.get(name, 0) + 1

    def add_row(self, **places: float) -> None:
        """Adds a row to the history: `places`, e.g. the step, then the means of the recorded values."""
        means = {
            name: self._finite(name, float(total / self._counts[name])) for name, total in self._sums.items()
        }
        self.history.append({name: float(place) for name, place in places.items()} | means)
        with atomic_path(self._rows) as temporary:
            write_history(temporary, self.history)
        self._bar.set_postfix({name: f"{mean:.4g}" for name, mean in means.items()}, refresh=False)
        self._sums, self._counts = {}, {}

    def watch(self, name: str, value: float | Tensor, within: tuple[float, float]) -> None:
        """Looks at a value (one number), which may leave the range `within` for fewer than LASTING looks.

        While it is out, no checkpoint is saved.
        """
        low, high = within
        now = self._finite(name, float(value.detach() if isinstance(value, Tensor) else value))
        self._outside[name] = 0 if low <= now <= high else self._outside.get(name, 0) + 1
        if self._outside[name] >= LASTING:
            raise self._gone_wrong(
                f"{name} is {now:.4g}, out of {low:g} to {high:g} at {LASTING} looks in a row"
            )

    def _finite(self, name: str, value: float) -> float:
        if not math.isfinite(value):
            raise self._gone_wrong(f"{name} is {value}")
        return value

    def _gone_wrong(self, what: str) -> UserError:
        path = self._checkpoint.path
        kept = f"the last good checkpoint stays in {path}" if path.exists() else "none was saved before"
        return UserError(
            f"{self._description}: stopped at step {self.done} of {self.steps}: {what} ({kept}); lower its"
            " learning rate, or change the weights of its losses or the seed, in params.yaml or budgets/"
        )

    def _state(self, step: int) -> dict[str, Any]:
        kept = {name: get() for name, (get, _) in self._kept.items()}
        for name, value in kept.items():
            if broken := _not_finite(value, name):
                raise self._gone_wrong(f"{broken} is not finite")
        return {
            "step": step,
            "history": self.history,
            "snapshots": self.snapshots,
            "sums": self._sums,
            "counts": self._counts,
            "outside": self._outside,
            "kept": kept,
        }

    def _resume(self) -> int:
        """Restores the checkpoint's state, if there is one. Returns the next step."""
        state = self._checkpoint.load()
        ranks.wait()  # before the first one writes the next
        if state is None:
            self._rows.unlink(missing_ok=True)  # of an earlier run
            return 0
        for name, (_, put) in self._kept.items():
            put(state["kept"][name])
        self.history, self.snapshots = state["history"], state["snapshots"]
        self._sums, self._counts, self._outside = state["sums"], state["counts"], state["outside"]
        self.done = step = state["step"]
        log.info("resuming at step %d of %d from %s", step, self.steps, self._checkpoint.path)
        return int(step)


def _not_finite(value: Any, name: str) -> str | None:
    """The dotted name of the first tensor or number in nested dictionaries and lists that is not finite."""
    if isinstance(value, Tensor):
        return name if value.is_floating_point() and not value.isfinite().all() else None
    if isinstance(value, float):
        return None if math.isfinite(value) else name
    parts = value.items() if isinstance(value, dict) else enumerate(value if isinstance(value, list) else ())
    return next((found for key, part in parts if (found := _not_finite(part, f"{name}.{key}"))), None)
