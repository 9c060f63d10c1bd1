"""The memory that a call needs."""

import os
import traceback
from collections.abc import Callable
from typing import Any

import torch

from cgn.errors import UserError


def peak_bytes(call: Callable[[], Any]) -> int:
    """The most memory that a forked process holds while it makes the call, with this process's own (Linux).

    No torch operation should have run on several threads before, since threads are not forked.
    """
    child = os.fork()
    if child == 0:
        status = 1
        try:
            torch.set_num_threads(1)
            call()
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    _, status, usage = os.wait4(child, 0)
    if status != 0:
        raise UserError("a process whose memory is measured has failed (see above)")
    return usage.ru_maxrss * 1024
