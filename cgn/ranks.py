"""The processes that share the work of a stage, its ranks: which one this is, and what they exchange.

accelerate connects them, by gloo on a CPU and by NCCL on GPUs. In a process that has not called `start` there
is one rank, and all functions return at once; neither torch nor accelerate is imported then. What ranks do
with tensors is in cgn/training/joint.py.
"""

from collections.abc import Sequence
from datetime import timedelta
from itertools import chain, zip_longest
from typing import Any, TypeVar

from cgn.errors import UserError

T = TypeVar("T")
Items = TypeVar("Items", bound=Any)  # a sequence or a tensor
# A rank may wait long for another one, which draws a shard. One that died is noticed by who started it.
_PATIENCE = timedelta(days=1)
_state: Any = None  # accelerate's PartialState


def start(device: str) -> None:
    """Connects this process, which a launcher has started, to the others. `device` is cpu or cuda."""
    global _state
    from accelerate import PartialState

    _state = PartialState(cpu=device == "cpu", timeout=_PATIENCE)


def end() -> None:
    """Waits for the other ranks and disconnects."""
    global _state
    wait()
    if _state is not None:
        _state.destroy_process_group()
        _state = None


def device() -> Any:
    """The torch device on which the ranks exchange tensors."""
    return _state.device


def rank() -> int:
    """The number of this process, from 0."""
    return int(_state.process_index) if _state is not None else 0


def count() -> int:
    """The number of ranks."""
    return int(_state.num_processes) if _state is not None else 1


def first() -> bool:
    """Whether this is the rank that writes outputs and checkpoints."""
    return rank() == 0


def wait() -> None:
    """Returns when all ranks have called it."""
    if count() > 1:
        _state.wait_for_everyone()


def own(items: Items) -> Items:
    """Every n-th of `items`, of n ranks; a tensor is cut along its first dimension."""
    mine: Items = items[rank() :: count()] if count() > 1 else items
    return mine


def own_part(size: int, key: str) -> int:
    """The number of `size` images of a batch that are this rank's. Raises UserError if they are not equal."""
    if size % count():
        raise UserError(
            f"launch.processes: {count()} processes cannot share {size} images equally ({key}); take a number"
            " that divides them"
        )
    return size // count()


def gathered(parts: Sequence[T]) -> list[T]:
    """What each rank made of its `own` items, in the order of all items. Tensors have to be on the CPU."""
    if count() == 1:
        return list(parts)
    from accelerate.utils import gather_object

    nothing: Any = "no item"  # of ranks that have one less
    rows = zip_longest(*gather_object([[(part,) for part in parts]]), fillvalue=nothing)
    return [found[0] for found in chain(*rows) if found is not nothing]


def shared(value: T) -> T:
    """The `value` of the first rank."""
    if count() == 1:
        return value
    from accelerate.utils import broadcast_object_list

    values = [value]
    broadcast_object_list(values)
    return values[0]
