"""Backbones of an ensemble: the small residual network or a ResNet of torchvision, without the last layer."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from cgn.errors import UserError
from cgn.networks.inputs import ImageNetNormalisation
from cgn.networks.small_resnet import (
    SmallResNet,
    load_small_resnet,
    stored_channels,
)

RESNETS = ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152")  # torchvision's names


class Backbone(NamedTuple):
    """A network that maps images (n, 3, h, w) in [-1, 1] to features (n, `width`)."""

    network: nn.Module
    width: int


class _Normalised(nn.Module):
    """A network of torchvision that takes images in [-1, 1]: it normalises them first."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.normalise = ImageNetNormalisation()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        """The features of images (n, 3, h, w) in [-1, 1]."""
        features: Tensor = self.network(self.normalise((images + 1) / 2))
        return features


def start_of(start: str, plain: Path, seed: int, channels: list[int]) -> Backbone:
    """The backbone that an ensemble starts from; `start` is `methods.ensemble.start` of params.yaml.

    `in` is the backbone of the plain classifier in the folder `plain`; `scratch` is a small network of
    `channels` with weights drawn from `seed`; otherwise `start` names one of `RESNETS`.
    """
    if start == "in":
        return trained_backbone(plain)
    if start == "scratch":
        return random_backbone(seed, channels)
    return published_backbone(start)


def random_backbone(seed: int, channels: list[int]) -> Backbone:
    """The small network with weights drawn from `seed`."""
    return _small(SmallResNet(seed, 1, channels))


def trained_backbone(folder: Path) -> Backbone:
    """The backbone of a trained small network, made trainable. Raises UserError as `load_small_resnet`."""
    return _small(load_small_resnet(folder).requires_grad_(True))


def published_backbone(name: str) -> Backbone:
    """The backbone of one of `RESNETS` with published weights. Raises UserError as `torchvision_network`."""
    from cgn.networks.pretrained import torchvision_network  # late: torchvision takes 2 s

    return _of_torchvision(torchvision_network(name)[0])


def backbone_of_shapes(shapes: Mapping[str, list[int]]) -> Backbone:
    """The backbone whose weights have these names and shapes; the weights are not loaded.

    Raises UserError when neither the small network nor one of `RESNETS` has them.
    """
    if channels := stored_channels(shapes):
        return random_backbone(0, channels)
    from torchvision import models

    for name in RESNETS:
        with torch.device("meta"):
            layout = _of_torchvision(models.get_model(name)).network.state_dict()
        if {key: list(value.shape) for key, value in layout.items()} == dict(shapes):
            return _of_torchvision(models.get_model(name))
    raise UserError("the backbone is neither our small network nor a ResNet of torchvision")


def _small(network: SmallResNet) -> Backbone:
    return _cut(network, "linear")


def _of_torchvision(network: nn.Module) -> Backbone:
    uncut, width = _cut(network, "fc")
    return Backbone(_Normalised(uncut), width)


def _cut(network: nn.Module, last: str) -> Backbone:
    """Replaces the linear layer named `last` by the identity."""
    layer = network.get_submodule(last)
    assert isinstance(layer, nn.Linear)
    network.set_submodule(last, nn.Identity())
    return Backbone(network, layer.in_features)
