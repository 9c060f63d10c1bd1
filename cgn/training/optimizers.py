"""torch's Adam without the import of torch's compiler, which nothing here uses.

The first call of any optimizer imports torch._dynamo (2 to 3 s), only to keep compiled code out of it. Short
stages would spend more time on that than on training.
"""

from typing import Any, cast

import torch
from torch.optim import Optimizer

for _method in (
    Optimizer.add_param_group,
    Optimizer.zero_grad,
    Optimizer.state_dict,
    Optimizer.load_state_dict,
):
    # Where torch._disable_dynamo looks for the function to call, before it imports torch._dynamo for one.
    _plain: Any = cast(Any, _method).__wrapped__
    _plain.__dynamo_disable = _plain


class Adam(torch.optim.Adam):
    """`torch.optim.Adam`, the same updates."""

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        return cast(Any, torch.optim.Adam.step).__wrapped__(self, closure)
