"""Where networks are trained: the `device` of params.yaml, and updates that a GPU replays."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from cgn.errors import UserError


def torch_device(name: str) -> torch.device:
    """The device `cpu` or `cuda`. Raises UserError when torch sees no GPU for `cuda`."""
    if name == "cuda" and not torch.cuda.is_available():
        raise UserError("params.yaml: device: cuda, but torch sees no GPU here; set it to cpu")
    return torch.device(name)


WARM_UP = 3  # calls before the recording, so that libraries choose their algorithms first


class ReplayedUpdate:
    """`update`, a function of tensors to a tensor; on CUDA recorded as a graph and from then on replayed.

    All that `update` reads or changes beside its arguments (weights, optimizer) has to stay at its place in
    memory, and it may not wait for the device. On CUDA call it inside `side_stream`. The tensor it returns
    is overwritten by the next call.
    """

    def __init__(self, update: Callable[..., Tensor]) -> None:
        self.update = update
        self._calls = 0
        self._graph: torch.cuda.CUDAGraph | None = None

    def __call__(self, *inputs: Tensor) -> Tensor:
        self._calls += 1
        if inputs[0].device.type != "cuda" or self._calls <= WARM_UP:
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
    """Run the block on a stream of its own when `device` is CUDA: the default one cannot be recorded."""
    if device.type != "cuda":
        yield
        return
    stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
    stream.wait_stream(torch.cuda.current_stream(device))
    with torch.cuda.stream(stream):
        yield
    torch.cuda.current_stream(device).wait_stream(stream)
