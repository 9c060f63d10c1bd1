"""Invariant risk minimisation (Arjovsky et al. 2019, IRMv1): a classifier optimal in every environment.

It minimises the mean over environments e of R_e + weight * (d R_e(w f) / dw at w = 1)^2, where R_e is the
cross-entropy in e, f the logits and w a scalar.

The CGN paper gives few details. Here:
- Network, optimizer and schedule are those of all methods (the paper's CNN, `mnist.classifier`), so that
  scores differ by the objective only.
- Every training digit is in each environment, with new cues. In an environment with correlation rho, a cue's
  class is the label with probability rho, else uniform; foreground and background are drawn independently.
  Colored MNIST, for which the paper gives no environments, has the same ones; its only cue is the colour.
- A minibatch has equally many images of each environment. Batch norm, which is on the pixels only, sees all
  environments together.
- The squared gradient is estimated without bias, as the product of the gradients of two half batches.
- The weight of the penalty is 0 until the share `penalty_start` of the training and then rises linearly, as
  appendix C.4 says; without `penalty_start` it is the same from the first update on. If the weight exceeds 1,
  the whole loss is divided by it. A new optimizer starts with the penalty.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from cgn.data.sources import Minibatch, concatenate
from cgn.io.pixels import from_bytes
from cgn.methods.algorithm import Algorithm, Setting, split_by_environment
from cgn.methods.params import ClassifierParams, IRMParams
from cgn.networks.classifier import Classifier


def scale_gradient(logits: Tensor, labels: Tensor) -> Tensor:
    """d CE(w * logits, labels) / dw at w = 1, the gradient that IRMv1 squares, in closed form.

    It is the mean over images of E_softmax[logit] - logit of the label, for logits (n, 10) and labels (n,),
    and is differentiable.
    """
    expected = (logits.softmax(dim=1) * logits).sum(dim=1)
    return (expected - logits.gather(1, labels[:, None])[:, 0]).mean()


def invariance_penalty(logits: Tensor, labels: Tensor) -> Tensor:
    """An unbiased estimate of the squared `scale_gradient`: the product of those of two halves of the batch.

    It may be negative. The square of one minibatch gradient would be biased by its variance (Arjovsky et al.,
    section 3.2).
    """
    return scale_gradient(logits[0::2], labels[0::2]) * scale_gradient(logits[1::2], labels[1::2])


def penalty_weight(penalty: float, start: float | None, progress: float) -> float:
    """The penalty's weight: 0 until the share `start` of the training, then rising linearly to `penalty`.

    The paper calls this schedule "crucial". If `start` is None, the weight is `penalty` from the start on.
    """
    if start is None:
        return penalty
    return penalty * max(0.0, progress - start) / (1 - start)


class IRM(Algorithm):
    """IRM. A new optimizer starts with the penalty, because the old moments belong to another objective."""

    def __init__(
        self, network: Classifier, steps: int, schedule: ClassifierParams, params: IRMParams
    ) -> None:
        super().__init__(network, steps, schedule, params.weight_decay)
        self._params = params
        self._penalised = False

    def update(self, minibatches: Sequence[Minibatch]) -> dict[str, float]:
        """Updates by the penalised risk. Returns "loss" (the mean risk), "penalty" and its "weight"."""
        weight = penalty_weight(self._params.penalty, self._params.penalty_start, self.progress)
        if weight > 0 and not self._penalised:
            self._optimizer, self._penalised = self._new_optimizer(), True
        logits = self.network(from_bytes(concatenate(minibatches).images))
        pairs = split_by_environment(logits, minibatches)
        risk = torch.stack([functional.cross_entropy(z, labels) for z, labels in pairs]).mean()
        penalty = torch.stack([invariance_penalty(z, labels) for z, labels in pairs]).mean()
        # The division keeps the size of the gradient when the weight is above 1.
        self._descend((risk + weight * penalty) / max(1.0, weight))
        return {"loss": risk.item(), "penalty": penalty.item(), "weight": weight}

    def state(self) -> dict[str, Any]:
        """The state, with whether the penalty has started."""
        return {**super().state(), "penalised": self._penalised}

    def load_state(self, state: dict[str, Any]) -> None:
        """Restores a state of `state`."""
        super().load_state(state)
        self._penalised = state["penalised"]


def build(setting: Setting) -> IRM:
    """Builds the algorithm for a setting."""
    return IRM(setting.network, setting.steps, setting.schedule, setting.params)
