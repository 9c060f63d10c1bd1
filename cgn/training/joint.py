"""What the ranks of a training do together: means of losses, sums of gradients, batch norms.

With a single rank all functions leave everything as it is.
"""

from collections.abc import Callable, Iterable
from typing import Any, Literal

import torch
from torch import Tensor, nn

from cgn import ranks


def mean(values: Tensor) -> Tensor:
    """The mean over all ranks."""
    if ranks.count() == 1:
        return values
    from accelerate.utils import reduce

    reduced: Tensor = reduce(values, "mean")
    return reduced


def mean_of(values: dict[str, float]) -> dict[str, float]:
    """The mean of each value over all ranks."""
    if ranks.count() == 1:
        return values
    means = mean(torch.tensor(list(values.values()), dtype=torch.float64, device=ranks.device()))
    return dict(zip(values, means.tolist(), strict=True))


def reduce_gradients(parameters: Iterable[nn.Parameter], reduction: Literal["mean", "sum"]) -> None:
    """Replaces the gradients by their mean or sum over all ranks, in one exchange; none count as 0."""
    if ranks.count() == 1:
        return
    from accelerate.utils import reduce

    learning = [parameter for parameter in parameters if parameter.requires_grad]
    for parameter in learning:
        if parameter.grad is None:
            parameter.grad = torch.zeros_like(parameter)
    gradients: list[Any] = [parameter.grad for parameter in learning]
    flat = reduce(torch.cat([gradient.flatten() for gradient in gradients]), reduction)
    for gradient, part in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
        gradient.copy_(part.view_as(gradient))


def in_parallel(network: nn.Module, method: str) -> Callable[[Tensor], Tensor]:
    """The method of `network` by that name; its gradients become their means over all ranks.

    This is torch's DistributedDataParallel. On GPUs batch norms take the statistics of all ranks' images; on
    a CPU, for which torch has no such layer, each rank takes those of its own.
    """
    compute: Callable[[Tensor], Tensor] = getattr(network, method)
    if ranks.count() == 1:
        return compute
    on_gpu = ranks.device().type == "cuda"
    if on_gpu:
        nn.SyncBatchNorm.convert_sync_batchnorm(network)  # type: ignore[no-untyped-call]

    class Computed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(self, images: Tensor) -> Tensor:
            return compute(images)

    return nn.parallel.DistributedDataParallel(Computed(), device_ids=[ranks.device()] if on_gpu else None)


def copy_buffers(network: nn.Module) -> None:
    """Gives all ranks the buffers of the first one, e.g. the statistics of batch norms."""
    if ranks.count() > 1:
        from accelerate.utils import broadcast

        for buffer in network.buffers():
            buffer.copy_(broadcast(buffer))
