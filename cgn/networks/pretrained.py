"""Published ImageNet classifiers by name: `efficientnet_lite0` from pip, and all of torchvision's."""

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torchvision import models

from cgn.data.class_maps import cue_conflict_outputs_of_imagenet, in9_classes_of_imagenet
from cgn.io.assets import Asset, local_file
from cgn.io.weights import load_weights, read_state_dict
from cgn.networks.image_classifier import ImageClassifier
from cgn.networks.published import Preprocessing, published_network


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
    return imagenet_classifier(*published_network(name, list(resnet50s)))


def imagenet_classifier(network: nn.Module, preprocess: Preprocessing) -> ImageClassifier:
    """Wraps a network that maps inputs (n, 3, h, w) to logits (n, 1000) in the order of ImageNet's outputs.

    It runs on the first GPU if there is one.
    """
    device = "cuda" if torch.cuda.is_available() else "cpu"
    network = network.eval().to(device)
    network = network.to(memory_format=torch.channels_last)  # faster on a CPU

    @torch.inference_mode()
    def probabilities(images: NDArray[np.uint8]) -> NDArray[np.float32]:
        return np.asarray(network(preprocess(images).to(device)).softmax(dim=1).cpu())

    return ImageClassifier(
        preprocess.resolution, probabilities, in9_classes_of_imagenet(), cue_conflict_outputs_of_imagenet()
    )
