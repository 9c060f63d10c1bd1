"""Runs a function in two ranks on this CPU, as a launcher would."""

import os
import socket
from collections.abc import Callable
from typing import Any

import torch

from cgn import ranks


def in_two_ranks(function: Callable[..., None], *arguments: Any) -> None:
    """Raises torch's ProcessRaisedException when one of them fails; the other is ended."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    torch.multiprocessing.spawn(_run, (port, function, arguments), nprocs=2)


def _run(rank: int, port: int, function: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    places = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": 2, "LOCAL_WORLD_SIZE": 2, "MASTER_PORT": port}
    os.environ |= {name: str(value) for name, value in places.items()} | {"MASTER_ADDR": "localhost"}
    os.environ["OMP_NUM_THREADS"] = "1"
    torch.set_num_threads(1)
    ranks.start("cpu")
    function(*arguments)
    ranks.end()
