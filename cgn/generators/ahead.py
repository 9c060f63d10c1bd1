"""Results in order, computed ahead of the one who asks for them by several threads."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from multiprocessing.pool import ThreadPool
from typing import TypeVar

import torch

Argument = TypeVar("Argument")
Result = TypeVar("Result")


def compute_ahead(
    function: Callable[[Argument], Result], arguments: Iterable[Argument], threads: int
) -> Iterator[Result]:
    """`map(function, arguments)`, while at most `threads` results more are under way or wait.

    Each call computes with one thread of torch: its result does not depend on their number.
    """
    with ThreadPool(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        under_way = deque()  # type: ignore[var-annotated]
        for argument in arguments:
            under_way.append(pool.apply_async(function, (argument,)))
            if len(under_way) > threads:
                yield under_way.popleft().get()
        while under_way:
            yield under_way.popleft().get()
