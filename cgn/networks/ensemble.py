"""The ensemble's network (section 4.3): one backbone, with a head for each factor of variation."""

from pathlib import Path

import torch
from torch import Tensor, nn

from cgn.errors import UserError
from cgn.networks.backbones import Backbone, OneHead, stored_backbone
from cgn.networks.classifier import WEIGHTS, Classifier, load_classifier, read_signature
from cgn.networks.small_resnet import stored_shapes

# The name of each head in scores -> the mechanism whose label the head learns.
HEADS = {"shape": "shape", "texture": "foreground", "background": "background"}


class EnsembleNetwork(Classifier):
    """Logits (n, classes) of images (n, 3, h, w) in [-1, 1]: the mean of the heads' logits.

    The heads' weights are drawn from `seed`.
    """

    def __init__(self, backbone: Backbone, classes: int, seed: int) -> None:
        super().__init__()
        self.backbone = backbone.network
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.heads = nn.ModuleDict({name: nn.Linear(backbone.width, classes) for name in HEADS})

    def forward(self, images: Tensor) -> Tensor:
        """The mean logits (n, classes)."""
        return self.head_logits(images).mean(dim=1)

    def head_logits(self, images: Tensor) -> Tensor:
        """The logits of each head, (n, heads, classes) in the order of `HEADS`."""
        features = self.backbone(images)
        return torch.stack([head(features) for head in self.heads.values()], dim=1)


def head(ensemble: EnsembleNetwork, name: str) -> OneHead:
    """One head of an ensemble, with the backbone, as a classifier."""
    linear = ensemble.heads[name]
    assert isinstance(linear, nn.Linear)
    return OneHead(ensemble.backbone, linear)


def is_ensemble(folder: Path) -> bool:
    """Whether the classifier that `train_and_save` wrote to `folder` is an ensemble."""
    return "heads.shape.weight" in stored_shapes(folder)


def load_ensemble(folder: Path) -> EnsembleNetwork:
    """Loads the ensemble that `train_and_save` wrote to `folder`; the signature names the backbone.

    Raises UserError when the weights are missing, damaged or of another kind.
    """
    shapes = stored_shapes(folder)
    try:
        classes = shapes["heads.shape.weight"][0]
        prefix = "backbone."
        of_backbone = {key.removeprefix(prefix): shapes[key] for key in shapes if key.startswith(prefix)}
        backbone = stored_backbone(read_signature(folder).backbone, of_backbone)
        network = EnsembleNetwork(backbone, classes, seed=0)
    except (KeyError, IndexError, UserError) as error:
        raise UserError(f"{folder / WEIGHTS}: not an ensemble of ours ({error})") from None
    return load_classifier(folder, network)
