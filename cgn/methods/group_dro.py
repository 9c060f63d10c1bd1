"""Group distributionally robust optimisation (Sagawa et al. 2020, algorithm 1); a group is an environment.

It minimises the loss of the worst environment. Each environment has a weight q_e, which grows with its loss
R_e: q_e <- q_e exp(step_size R_e) / sum. The network is trained on sum_e q_e R_e.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch.nn import functional

from cgn.data.sources import Minibatch, concatenate
from cgn.io.pixels import from_bytes
from cgn.methods.algorithm import Algorithm, Setting, split_by_environment
from cgn.methods.params import ClassifierParams, GroupDROParams
from cgn.networks.classifier import Classifier


class GroupDRO(Algorithm):
    """Group DRO, starting from equal weights of the environments."""

    def __init__(
        self, network: Classifier, steps: int, schedule: ClassifierParams, params: GroupDROParams
    ) -> None:
        super().__init__(network, steps, schedule, params.weight_decay)
        self._step_size = params.step_size
        self._weights = torch.full((len(params.environments),), 1 / len(params.environments))

    def update(self, minibatches: Sequence[Minibatch]) -> dict[str, float]:
        """Updates by the weighted losses. Returns "loss" (their plain mean) and "worst" (the largest)."""
        logits = self.network(from_bytes(concatenate(minibatches).images))
        pairs = split_by_environment(logits, minibatches)
        risks = torch.stack([functional.cross_entropy(z, labels) for z, labels in pairs])
        self._weights = self._weights.to(risks.device) * (self._step_size * risks.detach()).exp()
        self._weights /= self._weights.sum()
        self._descend((self._weights * risks).sum())
        return {"loss": risks.mean().item(), "worst": risks.max().item()}

    def state(self) -> dict[str, Any]:
        """The state, with the environments' weights."""
        return {**super().state(), "weights": self._weights}

    def load_state(self, state: dict[str, Any]) -> None:
        """Restores a state of `state`."""
        super().load_state(state)
        self._weights = state["weights"]


def build(setting: Setting) -> GroupDRO:
    """Builds the algorithm for a setting."""
    return GroupDRO(setting.network, setting.steps, setting.schedule, setting.params)
