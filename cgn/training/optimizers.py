"""torch's Adam without the import of torch's compiler, which nothing here uses."""

from typing import Any, cast

import torch
from torch.optim import Optimizer


def _plain(method: Any) -> Any:
    """The method of torch under the decorator that imports torch._dynamo."""
    return method.__wrapped__


class Adam(torch.optim.Adam):
    """`torch.optim.Adam`, the same updates.

    The first step of an optimizer of torch 2.14 imports torch._dynamo, only to keep compiled code out of it.
    That takes more than a second, in every process that trains. tests/unit/training/test_optimizers.py fails
    when torch no longer does so: then this class can go.
    """

    add_param_group = _plain(Optimizer.add_param_group)
    zero_grad = _plain(Optimizer.zero_grad)
    state_dict = _plain(Optimizer.state_dict)
    load_state_dict = _plain(Optimizer.load_state_dict)

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        """One update; the loss that `closure` returns, if there is one."""
        return cast(Any, torch.optim.Adam.step).__wrapped__(self, closure)
