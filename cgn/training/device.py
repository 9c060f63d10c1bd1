"""The device of a training (`device` in params.yaml), and updates that are recorded and replayed on a GPU."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from cgn import ranks
from cgn.errors import UserError


def torch_device(name: str) -> torch.device:
    """The torch device `cpu` or `cuda`; of several GPUs that of this rank.

    Raises UserError for `cuda` when torch sees no GPU.
    """
    if name == "cuda" and not torch.cuda.is_available():
        raise UserError("params.yaml: device: cuda, but torch sees no GPU here; set it to cpu")
    if name == "cuda" and ranks.count() > 1:
        return torch.device(name, torch.cuda.current_device())  # which threads do not inherit
    return torch.device(name)


WARM_UP = 3  # calls before the recording, in which libraries choose their algorithms


class ReplayedUpdate:
    """Calls `update`, a function of tensors that returns a tensor; on CUDA, records it once and replays it.

    Everything that `update` reads or changes beside its arguments (weights, optimizer) has to stay at its
    place in memory, and `update` must not wait for the device. On CUDA, call it inside `side_stream`. The
    next call overwrites the returned tensor. With `exchanges`, an update of several ranks is not recorded.
    """

    def __init__(self, update: Callable[..., Tensor], exchanges: bool = False) -> None:
        self.update = update
        self._recorded = not (exchanges and ranks.count() > 1)
        self._calls = 0
        self._graph: torch.cuda.CUDAGraph | None = None

    def __call__(self, *inputs: Tensor) -> Tensor:
        self._calls += 1
        if inputs[0].device.type != "cuda" or self._calls <= WARM_UP or not self._recorded:
            return self.update(*inputs)
        if self._graph is None:
            self._inputs = [tensor.clone() for tensor in inputs]
            self._graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(self._graph, stream=torch.cuda.current_stream()):  # records, does not run
                self._output = self.update(*self._inputs)
        for own, new in zip(self._inputs, inputs, strict=True):
            own.copy_(new)
        self._graph.replay()
        return self._output


@contextmanager
def side_stream(device: torch.device) -> Iterator[None]:
    """Runs the block on a new stream if `device` is CUDA, because the default stream cannot be recorded."""
    if device.type != "cuda":
        yield
        return
    stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
    stream.wait_stream(torch.cuda.current_stream(device))
    with torch.cuda.stream(stream):
        yield
    torch.cuda.current_stream(device).wait_stream(stream)
