"""Published ImageNet classifiers by name: `efficientnet_lite0` from pip, and all of torchvision's."""

from collections.abc import Mapping

from torch import nn
from torchvision import models

from cgn.io.assets import Asset, local_file
from cgn.io.weights import load_weights, read_state_dict
from cgn.networks.backbones import published_or_asset
from cgn.networks.image_classifier import ImageClassifier, imagenet_meaning, wrapped
from cgn.networks.preprocessing import Preprocessing
from cgn.networks.published import IMAGENET_NAMES


def load_classifier(name: str, resnet50s: Mapping[str, Asset]) -> ImageClassifier:
    """Loads the classifier `name` with its published weights and normalisation.

    `resnet50s` maps further names to published weights of a ResNet-50. Raises UserError when the name is
    unknown, or when the weights cannot be fetched or are damaged.
    """
    if name in resnet50s:
        path = local_file(resnet50s[name])
        network = models.resnet50()
        load_weights(network, read_state_dict(path), path)
        return imagenet_classifier(network, Preprocessing.of(models.ResNet50_Weights.IMAGENET1K_V1))
    return imagenet_classifier(*published_or_asset(name, list(resnet50s)))


def imagenet_classifier(network: nn.Module, preprocess: Preprocessing) -> ImageClassifier:
    """Wraps a network that maps inputs (n, 3, h, w) to logits (n, 1000) in ImageNet's order."""
    return wrapped(network, preprocess, preprocess.resolution, imagenet_meaning(IMAGENET_NAMES))
