"""The classifier ensemble (section 4.3, appendix C.4): one backbone, and a head for each factor of variation.

A counterfactual image has three labels, and trains each head on its own: a head that sees all other factors
vary at random becomes invariant to them. Real images, whose factors agree, train the mean of the heads.
"""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from cgn.classifiers.algorithm import Algorithm, Minibatch
from cgn.classifiers.classifier import Classifier
from cgn.classifiers.sources import FixedImages, Images, SideBySide
from cgn.classifiers.streaming import StreamedShards
from cgn.classifiers.trained import load_classifier
from cgn.classifiers.training import WEIGHTS
from cgn.common.pixels import from_bytes
from cgn.errors import UserError
from cgn.imagenet.classifiers.backbones import Backbone, backbone_of_shapes
from cgn.imagenet.classifiers.small_resnet import stored_shapes
from cgn.params.shared import ClassifierParams

# By the head's name in scores, the mechanism whose label it learns.
HEADS = {"shape": "shape", "texture": "foreground", "background": "background"}


class EnsembleNetwork(Classifier):
    """Logits (n, classes) of images (n, 3, height, width) in [-1, 1]: the mean of those of the heads.

    The heads' weights are drawn from `seed` alone.
    """

    def __init__(self, backbone: Backbone, classes: int, seed: int) -> None:
        super().__init__()
        self.backbone = backbone.network
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.heads = nn.ModuleDict({name: nn.Linear(backbone.width, classes) for name in HEADS})

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
    """Trains an `EnsembleNetwork` on real images and counterfactuals."""

    network: EnsembleNetwork

    def __init__(
        self, network: EnsembleNetwork, steps: int, schedule: ClassifierParams, label_smoothing: float
    ) -> None:
        """`label_smoothing`: share of each label of a counterfactual that is spread over all classes."""
        super().__init__(network, steps, schedule)
        self._label_smoothing = label_smoothing

    def update(self, minibatches: Sequence[Minibatch]) -> dict[str, float]:
        """One step on a minibatch of real images, labels (n,), and one of counterfactuals, labels (m, heads).

        Returns "loss", the sum of four: "real", that of the mean logits on the real images, and by its name
        that of each head on the counterfactuals.
        """
        real, counterfactual = minibatches
        logits = self.network.head_logits(from_bytes(torch.cat([real.images, counterfactual.images])))
        of_real, of_counterfactual = torch.split(logits, [len(real.labels), len(counterfactual.labels)])
        losses = {"real": functional.cross_entropy(of_real.mean(dim=1), real.labels)} | {
            name: functional.cross_entropy(
                of_counterfactual[:, number],
                counterfactual.labels[:, number],
                label_smoothing=self._label_smoothing,
            )
            for number, name in enumerate(HEADS)
        }
        loss = torch.stack(list(losses.values())).sum()
        self._descend(loss)
        return {"loss": loss.item()} | {name: value.item() for name, value in losses.items()}


def real_and_counterfactuals(
    real: Images, shards: Path, real_to_counterfactual: float, batch: int, seed: int, *names: str | int
) -> SideBySide:
    """Minibatches of both for `Ensemble`, `batch` images together, in the ratio asked for.

    Raises UserError when `shards` holds none.
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


def is_ensemble(folder: Path) -> bool:
    """Whether the classifier that `train_and_save` wrote into `folder` is one."""
    return "heads.shape.weight" in stored_shapes(folder)


def load_ensemble(folder: Path) -> EnsembleNetwork:
    """The ensemble that `train_and_save` wrote into `folder`, with the backbone that its weights tell.

    Raises UserError when it is missing, damaged or of another kind.
    """
    shapes = stored_shapes(folder)
    try:
        classes = shapes["heads.shape.weight"][0]
        prefix = "backbone."
        of_backbone = {key.removeprefix(prefix): shapes[key] for key in shapes if key.startswith(prefix)}
        network = EnsembleNetwork(backbone_of_shapes(of_backbone), classes, seed=0)
    except (KeyError, IndexError, UserError) as error:
        raise UserError(f"{folder / WEIGHTS}: not an ensemble of ours ({error})") from None
    return load_classifier(folder, network)
