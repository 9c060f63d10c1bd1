import time
from itertools import count

import pytest
import torch

from cgn.generators.ahead import compute_ahead, in_blocks


@pytest.mark.parametrize("threads", [1, 3])
def test_results_keep_their_order(threads: int) -> None:
    def slow_at_first(number: int) -> int:
        time.sleep(0.02 if number == 0 else 0)
        return number**2

    assert list(compute_ahead(slow_at_first, range(20), threads)) == [number**2 for number in range(20)]


def test_little_is_taken_ahead() -> None:
    endless = count()
    results = compute_ahead(lambda number: number, endless, threads=2)
    assert [next(results), next(results)] == [0, 1]
    assert next(endless) == 4


def test_an_error_reaches_the_one_who_asks() -> None:
    results = compute_ahead(lambda number: 1 // number, [1, 0, 1], threads=2)
    assert next(results) == 1
    with pytest.raises(ZeroDivisionError):
        next(results)


def test_calls_compute_with_one_thread_and_the_caller_keeps_its_own() -> None:
    before = torch.get_num_threads()
    assert list(compute_ahead(lambda _: torch.get_num_threads(), range(4), threads=2)) == [1] * 4
    assert torch.get_num_threads() == before


@pytest.mark.parametrize("threads", [0, 1, 3])
@pytest.mark.parametrize(("start", "stop"), [(0, 23), (7, 23), (10, 20), (12, 13), (5, 5)])
def test_a_part_is_cut_out_of_whole_blocks(threads: int, start: int, stop: int) -> None:
    firsts = []

    def block(first: int) -> list[int]:
        firsts.append(first)
        return list(range(first, first + 10))

    assert list(in_blocks(block, 10, start, stop, threads)) == list(range(start, stop))
    assert sorted(firsts) == list(range(start // 10 * 10, stop, 10))
