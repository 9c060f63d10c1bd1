"""What a method is: `update(minibatches)` and `predict(images)` (after DomainBed, Gulrajani 2021).

A method learns from uint8 images and labels alone, one minibatch for each environment it is given.
Where they come from is the business of `cgn.data.sources`.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from cgn.data.sources import Minibatch
from cgn.methods.params import ClassifierParams
from cgn.networks.classifier import Classifier


def split_by_environment(outputs: Tensor, minibatches: Sequence[Minibatch]) -> list[tuple[Tensor, Tensor]]:
    """Cut a network's outputs for all images together into those of each environment, with its labels."""
    parts = torch.split(outputs, [len(batch.labels) for batch in minibatches])
    return [(part, batch.labels) for part, batch in zip(parts, minibatches, strict=True)]


class Algorithm(ABC):
    """A network, an optimizer and how many of the `steps` updates are done.

    Every schedule is a function of that count, so `state` is all that a resumed run needs.
    """

    def __init__(
        self,
        network: Classifier,
        steps: int,
        schedule: ClassifierParams,
        weight_decay: float = 0.0,
        parts: Iterable[nn.Module] = (),
    ) -> None:
        """`parts` are further modules to train; `weight_decay` is an L2 penalty's factor."""
        self.network = network
        self.steps = steps
        self.step = 0
        self.schedule = schedule
        self._weight_decay = weight_decay
        self._modules = nn.ModuleList([network, *parts])
        self._optimizer = self._new_optimizer()

    @abstractmethod
    def update(self, minibatches: Sequence[Minibatch]) -> dict[str, float]:
        """Learn from one minibatch of each environment; return what to log, "loss" (nats) among it."""

    def predict(self, images: Tensor) -> Tensor:
        """The most probable class int64 (n,) of each image uint8 (n, height, width, channels)."""
        return self.network.predict(images)

    def to(self, device: torch.device) -> None:
        """Move what is trained to `device`; minibatches are expected there from now on."""
        self._modules.to(device)

    @property
    def progress(self) -> float:
        """The share of the updates that are done, in [0, 1]."""
        return self.step / self.steps

    def state(self) -> dict[str, Any]:
        """Everything that `update` changes, as tensors and plain values."""
        return {
            "modules": self._modules.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "step": self.step,
        }

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from what `state` returned."""
        self._modules.load_state_dict(state["modules"])
        self._optimizer.load_state_dict(state["optimizer"])
        self.step = state["step"]

    def _descend(self, loss: Tensor) -> None:
        """One step down the gradient of `loss`, at the scheduled rate; counts the update."""
        for group in self._optimizer.param_groups:
            group["lr"] = learning_rate(self.schedule, self.progress)
        self._optimizer.zero_grad()
        torch.autograd.backward(loss)
        self._optimizer.step()
        self.step += 1

    def _new_optimizer(self) -> torch.optim.Optimizer:
        parameters, rate = self._modules.parameters(), self.schedule.learning_rate
        if self.schedule.optimizer == "adam":
            return torch.optim.Adam(parameters, rate, weight_decay=self._weight_decay, fused=True)
        if self.schedule.optimizer == "adadelta":
            return torch.optim.Adadelta(parameters, rate, weight_decay=self._weight_decay)
        raise ValueError(f"{self.schedule.optimizer}: unknown optimizer")


class Setting(NamedTuple):
    """What the algorithm of a method is built from."""

    network: Classifier
    steps: int
    schedule: ClassifierParams
    params: Any  # the method's own
    seed_of: Callable[[str], int]  # of what it draws, by its purpose
    black_ground: bool  # whether a black pixel carries no cue


def learning_rate(schedule: ClassifierParams, progress: float) -> float:
    """The rate when the share `progress` in [0, 1] of the run is done.

    It rises linearly over the share `warmup`, and falls by `learning_rate_decay` after each of `decays` equal
    parts of the whole run.
    """
    rise = min(1.0, (progress + 1e-3) / schedule.warmup) if schedule.warmup > 0 else 1.0
    part = min(int(progress * schedule.decays), schedule.decays - 1)
    return float(schedule.learning_rate * rise * schedule.learning_rate_decay**part)
