"""The classifier ensemble (section 4.3, appendix C.4): one backbone, and a head for each factor of variation.

A counterfactual has three labels, one for each head. Its other factors vary at random, so a head becomes
invariant to them. Real images, whose factors agree, train the mean of the heads.
"""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch.nn import functional

from cgn.data.sources import FixedImages, Images, Minibatch, SideBySide
from cgn.data.streaming import StreamedShards
from cgn.io.pixels import from_bytes
from cgn.methods.algorithm import Algorithm
from cgn.methods.params import ClassifierParams, HeadSmoothing
from cgn.networks.ensemble import HEADS, EnsembleNetwork


class Ensemble(Algorithm):
    """Trains an `EnsembleNetwork` on real images and counterfactuals."""

    network: EnsembleNetwork

    def __init__(
        self, network: EnsembleNetwork, steps: int, schedule: ClassifierParams, smoothing: HeadSmoothing
    ) -> None:
        """`smoothing` is the share of a counterfactual's label that is spread over all classes, by head."""
        super().__init__(network, steps, schedule)
        self._smoothing = smoothing

    def update(self, minibatches: Sequence[Minibatch]) -> dict[str, float]:
        """Updates by real images with labels (n,) and counterfactuals with labels (m, heads).

        Returns the cross-entropies, "real", of the mean logits on real images, and that of each head on
        counterfactuals, by the head's name; and "loss", the sum of the four.
        """
        real, counterfactual = minibatches
        logits = self.network.head_logits(from_bytes(torch.cat([real.images, counterfactual.images])))
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
    real: Images, shards: Path, real_to_counterfactual: float, batch: int, seed: int, *names: str | int
) -> SideBySide:
    """Minibatches of real images and counterfactuals for `Ensemble`, in a given ratio, `batch` in all.


    Each kind has at least one image. Raises UserError when `shards` holds no shards.
    """
    share = real_to_counterfactual / (1 + real_to_counterfactual)
    real_batch = min(max(round(share * batch), 1), batch - 1)
    mechanisms = tuple(HEADS.values())
    return SideBySide(
        [
            FixedImages(real, real_batch, seed, *names, "real"),
            StreamedShards(shards, mechanisms, batch - real_batch, seed, *names, "counterfactual"),
        ]
    )
