"""The classifier ensemble of section 4.3 and appendix C.4: one backbone, and a head for each factor of variation.

A counterfactual image has three labels, and trains each head on its own: a head that sees all other factors
vary at random becomes invariant to them. Real images, whose factors agree, train the mean of the heads.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from cgn.classifiers.algorithm import Algorithm, Minibatch
from cgn.classifiers.classifier import Classifier
from cgn.common.pixels import from_bytes

# By the head's name in scores, the mechanism whose label it learns.
HEADS = {"shape": "shape", "texture": "foreground", "background": "background"}


class EnsembleNetwork(Classifier):
    """Logits (n, classes) of images (n, 3, height, width) in [-1, 1]: the mean of those of the heads.

    `backbone` turns images into features (n, width). The heads' weights are drawn from `seed` alone.
    """

    def __init__(self, backbone: nn.Module, width: int, classes: int, seed: int) -> None:
        super().__init__()
        self.backbone = backbone
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.heads = nn.ModuleDict({name: nn.Linear(width, classes) for name in HEADS})

    def forward(self, images: Tensor) -> Tensor:
        return self.head_logits(images).mean(dim=1)

    def head_logits(self, images: Tensor) -> Tensor:
        """The logits of each head, (n, heads, classes) in the order of `HEADS`."""
        features = self.backbone(images)
        return torch.stack([head(features) for head in self.heads.values()], dim=1)


class Head(Classifier):
    """One head of an ensemble as a classifier of its own."""

    def __init__(self, ensemble: EnsembleNetwork, name: str) -> None:
        super().__init__()
        self.backbone = ensemble.backbone
        self.linear = ensemble.heads[name]

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.linear(self.backbone(images))
        return logits


class Ensemble(Algorithm):
    """Cross-entropy of an `EnsembleNetwork` on real images and on counterfactuals, every image counting once."""

    network: EnsembleNetwork

    def update(self, minibatches: Sequence[Minibatch]) -> dict[str, float]:
        """One step on a minibatch of real images, labels (n,), and one of counterfactuals, labels (m, heads).

        The loss of a real image is that of the mean logits, the loss of a counterfactual the mean over the
        heads. Returns "loss", and the losses "real" and those of each head.
        """
        real, counterfactual = minibatches
        logits = self.network.head_logits(from_bytes(torch.cat([real.images, counterfactual.images])))
        count, other = len(real.labels), len(counterfactual.labels)
        real_loss = functional.cross_entropy(logits[:count].mean(dim=1), real.labels)
        by_head = torch.stack(
            [
                functional.cross_entropy(logits[count:, number], counterfactual.labels[:, number])
                for number in range(len(HEADS))
            ]
        )
        loss = (count * real_loss + other * by_head.mean()) / (count + other)
        self._descend(loss)
        return {"loss": loss.item(), "real": real_loss.item()} | dict(zip(HEADS, by_head.tolist(), strict=True))
