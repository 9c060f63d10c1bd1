"""The published ResNet-50s of Tables 3 and 4, stored as classifiers that were trained here."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from safetensors.torch import save_file
from torchvision import models

from cgn.data.class_maps import is_imagenet
from cgn.errors import UserError
from cgn.io.assets import Asset, local_file
from cgn.io.files import atomic_folder
from cgn.io.weights import load_weights, read_state_dict
from cgn.networks.backbones import published_whole
from cgn.networks.classifier import WEIGHTS, Signature, write_signature

NAME = "resnet50"


def store_published(
    folder: Path, start: str, assets: Mapping[str, Asset], classes: Sequence[str], resolution: int
) -> Collection[str]:
    """Writes `in`, the published network `start`, and a ResNet-50 with the weights of each of `assets`.

    Returns their names. Raises UserError when the classes of the world are not ImageNet's, or when weights
    cannot be fetched or are damaged.
    """
    if not is_imagenet(classes):
        raise UserError(
            f"train_imagenet_classifiers.image_passes: 0 takes published classifiers of ImageNet's 1000"
            f" classes; this world has {len(classes)} others"
        )
    networks = {"in": (start, published_whole(start))}
    for method, asset in assets.items():
        path, network = local_file(asset), models.resnet50()
        load_weights(network, read_state_dict(path), path)
        networks[method] = NAME, published_whole(NAME, network)
    for method, (name, classifier) in networks.items():
        with atomic_folder(folder / method) as temporary:
            weights = {key: value.contiguous() for key, value in classifier.state_dict().items()}
            save_file(weights, temporary / WEIGHTS)
            write_signature(temporary, Signature(list(classes), resolution, name))
    return networks.keys()
