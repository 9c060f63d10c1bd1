"""Invariant risk minimisation (Arjovsky et al. 2019, IRMv1): a classifier optimal in every environment.

Objective: mean over environments e of R_e + weight * (d R_e(w f) / dw at w = 1)^2, with R_e the cross-entropy
in e, f the logits and w a scalar.

The CGN paper only names it. Here:
- It uses the paper's CNN and the optimizer and schedule of every other method (`mnist.classifier`), so that a
  difference between scores is one between objectives; so does LNTL.
- Every training digit appears in each environment, under its own draw of cues. In one of correlation rho a
  cue's class is the label's with probability rho, else uniform; foreground and background are drawn
  independently. Colored MNIST, for which the paper gives no environments, gets the same ones; its only cue is
  the colour.
- A minibatch holds equally many images of each environment. Its batch norm, which acts on the pixels alone,
  sees all environments together.
- The squared gradient is estimated without bias by the product of the gradients of two half batches.
- The weight of the penalty is 0 until the share `penalty_start` of the run and then rises linearly, as
  appendix C.4 asks; above 1 the whole loss is divided by it; the optimizer begins anew when it starts.
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
    """d CE(w * logits, labels) / dw at w = 1: the mean over images of E_softmax[logit] - logit of the label.

    Closed form of the gradient that IRMv1 squares, logits (n, 10), labels (n,); differentiable.
    """
    expected = (logits.softmax(dim=1) * logits).sum(dim=1)
    return (expected - logits.gather(1, labels[:, None])[:, 0]).mean()


def invariance_penalty(logits: Tensor, labels: Tensor) -> Tensor:
    """Unbiased estimate of the squared `scale_gradient`: the product of those of two halves of the batch.

    The square of one mini-batch gradient would add its variance (Arjovsky et al., section 3.2).
    May be negative.
    """
    return scale_gradient(logits[0::2], labels[0::2]) * scale_gradient(logits[1::2], labels[1::2])


def penalty_weight(penalty: float, start: float, progress: float) -> float:
    """0 until `start` of the run, then linearly to `penalty` at its end (the paper's "crucial" schedule)."""
    return penalty * max(0.0, progress - start) / (1 - start)


class IRM(Algorithm):
    """The optimizer begins anew when the penalty starts: its moments belong to another objective."""

    def __init__(
        self, network: Classifier, steps: int, schedule: ClassifierParams, params: IRMParams
    ) -> None:
        super().__init__(network, steps, schedule, params.weight_decay)
        self._params = params
        self._penalised = False

    def update(self, minibatches: Sequence[Minibatch]) -> dict[str, float]:
        """One step on the penalised risk. Returns "loss" (the mean risk), "penalty" and its "weight"."""
        weight = penalty_weight(self._params.penalty, self._params.penalty_start, self.progress)
        if weight > 0 and not self._penalised:
            self._optimizer, self._penalised = self._new_optimizer(), True
        logits = self.network(from_bytes(concatenate(minibatches).images))
        pairs = split_by_environment(logits, minibatches)
        risk = torch.stack([functional.cross_entropy(z, labels) for z, labels in pairs]).mean()
        penalty = torch.stack([invariance_penalty(z, labels) for z, labels in pairs]).mean()
        # A weight above 1 would enlarge the step as well: keep the gradient's size.
        self._descend((risk + weight * penalty) / max(1.0, weight))
        return {"loss": risk.item(), "penalty": penalty.item(), "weight": weight}

    def state(self) -> dict[str, Any]:
        return {**super().state(), "penalised": self._penalised}

    def load_state(self, state: dict[str, Any]) -> None:
        super().load_state(state)
        self._penalised = state["penalised"]


def build(setting: Setting) -> IRM:
    """The algorithm on a setting."""
    return IRM(setting.network, setting.steps, setting.schedule, setting.params)
