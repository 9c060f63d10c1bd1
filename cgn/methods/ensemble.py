"""The classifier ensemble (section 4.3, appendix C.4): one backbone, and a head for each factor of variation.

A counterfactual has three labels, one for each head. Its other factors vary at random, so a head becomes
invariant to them. Real images, whose factors agree, train the mean of the heads.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from cgn import ranks
from cgn.data.sources import Minibatch, SideBySide, Split
from cgn.data.worlds import counterfactuals_like
from cgn.methods.algorithm import Algorithm
from cgn.methods.params import ClassifierParams, HeadSmoothing
from cgn.networks.ensemble import HEADS, EnsembleNetwork
from cgn.training import joint


class Ensemble(Algorithm):
    """Trains an `EnsembleNetwork` on real images and counterfactuals."""

    network: EnsembleNetwork

    def __init__(
        self,
        network: EnsembleNetwork,
        steps: int,
        schedule: ClassifierParams,
        smoothing: HeadSmoothing,
        weight_decay: float = 0.0,
        precision: Literal["fp32", "bf16"] = "fp32",
    ) -> None:
        """`smoothing` is the share of a counterfactual's label that is spread over all classes, by head."""
        super().__init__(network, steps, schedule, weight_decay, precision=precision)
        self._smoothing = smoothing
        self._head_logits: Callable[[Tensor], Tensor] = network.head_logits

    def to(self, device: torch.device) -> None:
        """Also joins the ranks, of which each has an equal part of every minibatch."""
        super().to(device)
        self._head_logits = joint.in_parallel(self.network, "head_logits")

    def update(self, minibatches: Sequence[Minibatch]) -> dict[str, float]:
        """Updates by real images with labels (n,) and counterfactuals with labels (m, heads).

        Returns the cross-entropies, "real", of the mean logits on real images, and that of each head on
        counterfactuals, by the head's name; and "loss", the sum of the four.
        """
        real, counterfactual = minibatches
        images = torch.cat([real.images, counterfactual.images])
        logits = self.compute(self._head_logits, images)
        of_real, of_counterfactual = torch.split(logits, [len(real.labels), len(counterfactual.labels)])
        losses = {"real": functional.cross_entropy(of_real.mean(dim=1), real.labels)} | {
            name: functional.cross_entropy(
                of_counterfactual[:, number],
                counterfactual.labels[:, number],
                label_smoothing=getattr(self._smoothing, name),
            )
            for number, name in enumerate(HEADS)
        }
        loss = torch.stack(list(losses.values())).sum()
        self._descend(loss)
        return {"loss": loss.item()} | {name: value.item() for name, value in losses.items()}


def real_and_counterfactuals(
    real: Split, shards: Path, real_to_counterfactual: float, batch: int, seed: int, *names: str | int
) -> SideBySide:
    """Minibatches of real images and counterfactuals for `Ensemble`, in a given ratio, `batch` in all.


    Each kind has at least one image. Raises UserError when `shards` holds no shards, or when ranks cannot
    share the images of each kind equally.
    """
    share = real_to_counterfactual / (1 + real_to_counterfactual)
    real_batch = min(max(round(share * batch), 1), batch - 1)
    for size in (real_batch, batch - real_batch):
        ranks.own_part(size, "imagenet.classifier.batch")
    mechanisms = tuple(HEADS.values())
    return SideBySide(
        [
            real.source(real_batch, seed, *names, "real"),
            counterfactuals_like(
                real, shards, mechanisms, batch - real_batch, seed, *names, "counterfactual"
            ),
        ]
    )
