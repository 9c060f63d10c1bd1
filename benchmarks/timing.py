"""Times calls that take turns, on a machine that other programs may share."""

import os
import platform
import resource
import time
from collections.abc import Callable, Hashable, Mapping
from typing import Any, NamedTuple, TypeVar

import torch

Key = TypeVar("Key", bound=Hashable)


class Seconds(NamedTuple):
    """Of one call. `cpu` is of all threads, and of child processes that have ended."""

    wall: float
    cpu: float


def seconds(call: Callable[[], Any]) -> Seconds:
    """Times one call."""
    wall, cpu = time.perf_counter(), _cpu()
    call()
    return Seconds(time.perf_counter() - wall, _cpu() - cpu)


def in_turn(calls: Mapping[Key, Callable[[], Any]], rounds: int) -> dict[Key, Seconds]:
    """The least seconds of each call over the rounds, in each of which every call has its turn.

    Other programs only add to a time, so the least is nearest to that of a free machine. One more call of
    each warms up.
    """
    for call in calls.values():
        call()
    times = [{key: seconds(call) for key, call in calls.items()} for _ in range(rounds)]
    return {
        key: Seconds(min(of[key].wall for of in times), min(of[key].cpu for of in times)) for key in calls
    }


def machine() -> dict[str, Any]:
    """Where a run was made."""
    return {
        "processors": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "load_of_the_last_minute": round(os.getloadavg()[0], 1),
        "python": platform.python_version(),
        "torch": torch.__version__,
    }


def _cpu() -> float:
    usages = [resource.getrusage(of) for of in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)
