"""Computes generated images in fixed blocks of indices, in parallel and ahead of the consumer.

A block is always computed whole, so image i has the same bytes whatever part of the set is requested and
however the set is cut into shards.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from multiprocessing.pool import ThreadPool
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from cgn.counterfactuals import Plan
from cgn.io.shards import Sample

Argument = TypeVar("Argument")
Result = TypeVar("Result")


def compute_ahead(
    function: Callable[[Argument], Result], arguments: Iterable[Argument], threads: int
) -> Iterator[Result]:
    """Yields `function` of each argument, in order; at most `threads` further results are computed ahead.

    Each call uses one torch thread, so results do not depend on `threads`.
    """
    with ThreadPool(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        under_way = deque()  # type: ignore[var-annotated]
        for argument in arguments:
            under_way.append(pool.apply_async(function, (argument,)))
            if len(under_way) > threads:
                yield under_way.popleft().get()
        while under_way:
            yield under_way.popleft().get()


def in_blocks(
    block: Callable[[int], Sequence[Result]], size: int, start: int, stop: int, threads: int = 0
) -> Iterator[Result]:
    """Yields results start to stop - 1. `block` computes `size` results, given the index of the first.

    With `threads` above 0 that many blocks are computed at once, each by one thread; else one after the
    other.
    """
    firsts = range(start // size * size, stop, size)
    blocks = compute_ahead(block, firsts, threads) if threads else map(block, firsts)
    for first, results in zip(firsts, blocks, strict=True):
        yield from results[max(start - first, 0) : stop - first]


def samples_of(plan: Plan, images: NDArray[np.uint8]) -> list[Sample]:
    """The samples of `images` uint8 (n, h, w, 3), with the metadata of their plan."""
    return [Sample(image, plan.metadata(row)) for row, image in enumerate(images)]
