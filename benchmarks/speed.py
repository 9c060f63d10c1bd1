"""What was made fast: each computation beside a plain one of the same result, in one run.

`python -m benchmarks.speed` prints, at the sizes of the paper profile, images a second of both, their ratio,
the least that an image takes (operations of convolutions and matrix products, or bytes read and written) and
the share of this machine's limit that ours reaches: convolutions of one shape that suits it, one a thread, or
the copying of an array. Rates differ from machine to machine and from minute to minute, hence the three take
turns and only ratios and shares should be compared. Where other programs compete for the processors, what
shares a layer among threads waits for the last of them, and ratios to it are too high.
"""

import os
import resource
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch.nn import functional

from benchmarks.speed_cases import Case, all_cases
from cgn.generators.ahead import compute_ahead

ROUNDS = 5  # of which the median counts


def main() -> None:
    """Run every case and print the table."""
    print(f"{torch.get_num_threads()} threads; load of the last minute: {os.getloadavg()[0]:.1f}")
    print(pd.DataFrame([row(case) for case in all_cases()]).to_markdown(index=False, floatfmt=".3g"))
    print(f"at most {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.1f} GB of memory")


def row(case: Case) -> dict[str, Any]:
    """A line of the table."""
    limit, work = copies() if case.in_bytes else convolutions()
    ours, plain, at_limit = in_turn(case.ours, case.plain, limit)
    return {
        "computation": case.name,
        "images/s": round(case.items / ours),
        "plain images/s": round(case.items / plain),
        "ratio": plain / ours,
        "at least, an image": f"{case.minimum / 1e3:.1f} kB"
        if case.in_bytes
        else f"{case.minimum / 1e6:.1f} MFLOP",
        "limit": f"{work / at_limit / 1e9:.0f} G{'B' if case.in_bytes else 'FLOP'}/s",
        "share of it, %": 100 * case.minimum * case.items / ours / (work / at_limit),
        "plain is": case.plain_is,
    }


def convolutions() -> tuple[Callable[[], Any], float]:
    """3x3 convolutions of 64 features in channels-last memory, float32, on every thread; their operations."""
    threads, count, size = torch.get_num_threads(), 8, 32
    images = torch.randn(16, 64, size, size).to(memory_format=torch.channels_last)
    weights = torch.randn(64, 64, 3, 3).to(memory_format=torch.channels_last)

    def convolve(_: int) -> None:
        with torch.inference_mode():
            for _ in range(count):
                functional.conv2d(images, weights, padding=1)

    operations = threads * count * 2 * 9 * 64 * 64 * len(images) * size**2
    return lambda: list(compute_ahead(convolve, range(threads), threads)), operations


def copies() -> tuple[Callable[[], Any], float]:
    """Copies of an array larger than the caches by one thread; the bytes they read and write."""
    source = np.ones(2**27, np.uint8)
    target = np.empty_like(source)
    return lambda: np.copyto(target, source), 2 * source.nbytes


def in_turn(*calls: Callable[[], Any]) -> list[float]:
    """Median seconds of each call, after one to warm up, taking turns."""
    rounds = [[seconds(call) for call in calls] for _ in range(ROUNDS + 1)][1:]
    return [median(times) for times in zip(*rounds, strict=True)]


def seconds(call: Callable[[], Any]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
