"""Backbones: the small residual network or a published one, without the last layer."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self

import torch
from torch import Tensor, nn

from cgn.errors import UserError
from cgn.io.assets import Asset, cache_folder, local_file, mirror_folders
from cgn.io.weights import load_weights, read_state_dict
from cgn.networks.classifier import WEIGHTS, Classifier, load_classifier, read_signature
from cgn.networks.preprocessing import Preprocessing
from cgn.networks.small_resnet import (
    SmallResNet,
    load_small_resnet,
    stored_channels,
    stored_shapes,
)

SMALL = "small"  # the name of the small network; others have the names that publish them


class Backbone(NamedTuple):
    """A network that maps images (n, 3, h, w) in [-1, 1] to features (n, `width`)."""

    network: nn.Module
    width: int
    name: str = SMALL


class PublishedBackbone(nn.Module):
    """A published network that takes images in [-1, 1]: it normalises them as in its own training.

    All weights learn. With `frozen_statistics` the network stays in evaluation mode: batch norms keep their
    statistics, as in the released code of the paper, and there is no dropout.
    """

    mean: Tensor
    deviation: Tensor
    frozen_statistics = True
    memory_format = torch.channels_last  # faster on a CPU, and in bfloat16 on a GPU

    def __init__(self, network: nn.Module, mean: list[float], deviation: list[float]) -> None:
        super().__init__()
        for name, values in (("mean", mean), ("deviation", deviation)):
            self.register_buffer(name, torch.tensor(values).view(3, 1, 1), persistent=False)
        self.network = network
        self.to(memory_format=self.memory_format)
        self.train()

    def train(self, mode: bool = True) -> Self:
        """Stays in evaluation mode with `frozen_statistics`."""
        return super().train(mode and not self.frozen_statistics)

    def forward(self, images: Tensor) -> Tensor:
        """The features of images (n, 3, h, w) in [-1, 1]."""
        pixels = images.contiguous(memory_format=self.memory_format)
        features: Tensor = self.network(((pixels + 1) / 2 - self.mean) / self.deviation)
        return features


class OneHead(Classifier):
    """A backbone with one linear layer."""

    def __init__(self, backbone: nn.Module, linear: nn.Linear) -> None:
        super().__init__()
        self.backbone = backbone
        self.linear = linear

    def forward(self, images: Tensor) -> Tensor:
        """The logits (n, classes)."""
        logits: Tensor = self.linear(self.backbone(images))
        return logits


def set_up(network: nn.Module, frozen_statistics: bool, channels_last: bool) -> None:
    """Tells the published backbones in `network` how to compute; other parts have no such choice."""
    for module in network.modules():
        if isinstance(module, PublishedBackbone):
            module.frozen_statistics = frozen_statistics
            module.memory_format = torch.channels_last if channels_last else torch.contiguous_format
            module.to(memory_format=module.memory_format)


def new_backbone(start: str, seed: int, channels: list[int]) -> Backbone:
    """A backbone to train; `start` is `imagenet.classifier.start` of the profile.

    `scratch` is a small network of `channels` with weights drawn from `seed`; otherwise `start` is the name
    of a published classifier.
    """
    return random_backbone(seed, channels) if start == "scratch" else published_backbone(start)


def new_classifier(start: str, classes: int, seed: int, channels: list[int]) -> tuple[Classifier, str]:
    """A classifier to train, and the name of its backbone; `start` is as in `new_backbone`.

    Weights that are not published are drawn from `seed`.
    """
    if start == "scratch":
        return SmallResNet(seed, classes, channels), SMALL
    backbone = published_backbone(start)
    return OneHead(backbone.network, drawn_layer(backbone.width, classes, seed)), start


def drawn_layer(width: int, classes: int, seed: int) -> nn.Linear:
    """A linear layer whose weights are drawn from `seed`."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Linear(width, classes)


def random_backbone(seed: int, channels: list[int]) -> Backbone:
    """The small network with weights drawn from `seed`."""
    return _small(SmallResNet(seed, 1, channels))


def published_or_asset(name: str, others: Sequence[str] = ()) -> tuple[nn.Module, Preprocessing]:
    """As `published_network`, but resnet50, which assets.yaml lists, is an asset as others.

    Mirrors and the cache come first; a file that only torch.hub's folder has is still taken from there.
    """
    from torchvision.models import ResNet50_Weights  # late: torchvision takes 2 s

    from cgn.networks.published import published_layout, published_network

    if name != "resnet50":
        return published_network(name, others)
    url = ResNet50_Weights.IMAGENET1K_V1.url  # ends with the first digits of its hash
    asset = Asset(url=url, sha256=Path(url).stem.rpartition("-")[2], licence="BSD-3-Clause")
    places = [*mirror_folders(), cache_folder()]
    in_hub = (Path(torch.hub.get_dir()) / "checkpoints" / asset.file_name).is_file()
    if in_hub and not any((place / asset.file_name).is_file() for place in places):
        return published_network(name, others)
    path, (network, preprocessing) = local_file(asset), published_layout(name)
    load_weights(network, read_state_dict(path), path)
    return network, preprocessing


def published_backbone(name: str) -> Backbone:
    """The backbone of a published classifier. Raises UserError for an unknown name or missing weights."""
    return _published(name, *published_or_asset(name))


def published_whole(name: str, network: nn.Module | None = None) -> OneHead:
    """The published classifier `name` with its own last layer, or `network`, of the same architecture.

    Raises UserError as `published_backbone`.
    """
    from cgn.networks.published import published_layout  # late: torchvision takes 2 s

    given, preprocessing = published_layout(name) if network else published_or_asset(name)
    given = network or given
    last = [module for module in given.modules() if isinstance(module, nn.Linear)][-1]
    return OneHead(_published(name, given, preprocessing).network, last)


def stored_backbone(name: str, shapes: dict[str, list[int]]) -> Backbone:
    """The backbone `name` without weights, for stored ones that have these names and shapes.

    Raises UserError when there is no such network.
    """
    if name == SMALL:
        if channels := stored_channels(shapes):
            return random_backbone(0, channels)
        raise UserError("the backbone is not our small network")
    from cgn.networks.published import published_layout

    return _published(name, *published_layout(name))


def load_one_head(folder: Path) -> Classifier:
    """Loads the classifier with one head that `train_and_save` wrote to `folder`.

    Raises UserError when the weights are missing, damaged or of another kind.
    """
    name = read_signature(folder).backbone
    if name == SMALL:
        return load_small_resnet(folder)
    shapes = stored_shapes(folder)
    if "linear.weight" not in shapes:
        raise UserError(f"{folder / WEIGHTS}: not a classifier of ours (no linear layer)")
    classes, width = shapes["linear.weight"]
    return load_classifier(folder, OneHead(stored_backbone(name, {}).network, nn.Linear(width, classes)))


def _small(network: SmallResNet) -> Backbone:
    return Backbone(*_cut(network, "linear"), SMALL)


def _published(name: str, network: nn.Module, preprocessing: Any) -> Backbone:
    last = [key for key, module in network.named_modules() if isinstance(module, nn.Linear)]
    if not last:
        raise UserError(f"{name}: no linear layer at its end, which a head could replace; take another")
    features, width = _cut(network, last[-1])
    uncut = PublishedBackbone(features, list(preprocessing.mean), list(preprocessing.deviation))
    return Backbone(uncut, width, name)


def _cut(network: nn.Module, last: str) -> tuple[nn.Module, int]:
    """Replaces the linear layer named `last` by the identity; returns the network and its width."""
    layer = network.get_submodule(last)
    assert isinstance(layer, nn.Linear)
    network.set_submodule(last, nn.Identity())
    return network, layer.in_features
