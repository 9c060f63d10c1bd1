"""The interface of a method: `update(minibatches)` and `predict(images)` (after DomainBed, Gulrajani 2021).

A method is trained on uint8 images and labels, one minibatch of each environment. `cgn.data.sources` provides
the minibatches.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn

from cgn.data.sources import Minibatch
from cgn.io.pixels import from_bytes
from cgn.methods.params import ClassifierParams
from cgn.networks.classifier import Classifier
from cgn.training.optimizers import Adam

MOMENTUM = 0.9  # of SGD, as in the paper


def split_by_environment(outputs: Tensor, minibatches: Sequence[Minibatch]) -> list[tuple[Tensor, Tensor]]:
    """Splits a network's outputs for all images by environment; returns pairs of outputs and labels."""
    parts = torch.split(outputs, [len(batch.labels) for batch in minibatches])
    return [(part, batch.labels) for part, batch in zip(parts, minibatches, strict=True)]


class Algorithm(ABC):
    """A network, its optimizer, and the number of updates done, of `steps` in all.

    Every schedule is a function of that number, so `state` is all that a resumed run needs.
    """

    def __init__(
        self,
        network: Classifier,
        steps: int,
        schedule: ClassifierParams,
        weight_decay: float = 0.0,
        parts: Iterable[nn.Module] = (),
        precision: Literal["fp32", "bf16"] = "fp32",
    ) -> None:
        """`parts` are further modules to train; `weight_decay` is the factor of an L2 penalty.

        With `precision` bf16, `compute` is in bfloat16; weights, logits and losses stay in float32.
        """
        self.network = network
        self.steps = steps
        self.step = 0
        self.schedule = schedule
        self._weight_decay = weight_decay
        self._precision = precision
        self._modules = nn.ModuleList([network, *parts])
        self._optimizer = self._new_optimizer()

    @abstractmethod
    def update(self, minibatches: Sequence[Minibatch]) -> dict[str, float]:
        """Learns from one minibatch of each environment; returns values to log, with "loss" (nats)."""

    def predict(self, images: Tensor) -> Tensor:
        """Predicts the class int64 (n,) of each image uint8 (n, h, w, channels)."""
        return self.network.predict(images)

    def to(self, device: torch.device) -> None:
        """Moves the trained modules to `device`, where minibatches have to be from then on."""
        self._modules.to(device)

    @property
    def progress(self) -> float:
        """The share of updates done, in [0, 1]."""
        return self.step / self.steps

    def state(self) -> dict[str, Any]:
        """Everything that `update` changes, as tensors and plain values."""
        return {
            "modules": self._modules.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "step": self.step,
        }

    def load_state(self, state: dict[str, Any]) -> None:
        """Restores a state of `state`."""
        self._modules.load_state_dict(state["modules"])
        self._optimizer.load_state_dict(state["optimizer"])
        self.step = state["step"]

    def compute(self, network: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
        """`network` of images uint8 (n, h, w, channels), in the precision of the training, as float32."""
        half = self._precision == "bf16"
        with torch.autocast(images.device.type, torch.bfloat16, enabled=half):
            return network(from_bytes(images)).float()

    def _descend(self, loss: Tensor) -> None:
        """Updates the weights by the gradient of `loss`, at the scheduled rate, and counts the update."""
        for group in self._optimizer.param_groups:
            group["lr"] = learning_rate(self.schedule, self.progress)
        self._optimizer.zero_grad()
        torch.autograd.backward(loss)
        self._optimizer.step()
        self.step += 1

    def _new_optimizer(self) -> torch.optim.Optimizer:
        parameters, rate = self._modules.parameters(), self.schedule.learning_rate
        if self.schedule.optimizer == "adam":
            return Adam(parameters, rate, weight_decay=self._weight_decay, fused=True)
        if self.schedule.optimizer == "adadelta":
            return torch.optim.Adadelta(parameters, rate, weight_decay=self._weight_decay)
        if self.schedule.optimizer == "sgd":
            return torch.optim.SGD(parameters, rate, MOMENTUM, weight_decay=self._weight_decay)
        raise ValueError(f"{self.schedule.optimizer}: unknown optimizer")


class Setting(NamedTuple):
    """The arguments of a method's `build`."""

    network: Classifier
    steps: int
    schedule: ClassifierParams
    params: Any  # the method's section
    seed_of: Callable[[str], int]  # the method's seed for a purpose
    black_ground: bool  # whether a black pixel carries no cue


def learning_rate(schedule: ClassifierParams, progress: float) -> float:
    """The learning rate when the share `progress`, in [0, 1], of the training is done.

    It rises linearly over the share `warmup`, and is multiplied by `learning_rate_decay` after each of
    `decays` equal parts of the training, or after the shares that the schedule states.
    """
    rise = min(1.0, (progress + 1e-3) / schedule.warmup) if schedule.warmup > 0 else 1.0
    decay = schedule.learning_rate_decay ** schedule.decays_done(progress)
    return float(schedule.learning_rate * rise * decay)
