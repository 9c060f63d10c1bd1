"""Saves and loads the networks that a CGN is trained with, in one safetensors file each.

By default they are a world's small networks, in half precision. networks.json describes the others: the
architecture, the preprocessing of a U2-Net, or null if there is no such network.
"""

from collections.abc import Mapping
from math import isqrt
from pathlib import Path
from typing import Any, TypeVar

import torch
from pytorch_pretrained_biggan import BigGAN
from safetensors.torch import save_file
from torch import Tensor, nn

from cgn.errors import UserError
from cgn.io.files import atomic_path, read_json, write_json
from cgn.io.weights import load_weights, read_state_dict
from cgn.networks.biggan import BIGGAN_SMALL, PUBLISHED_BIGGANS, load_biggan
from cgn.networks.u2net import PUBLISHED_U2NETS, U2NET_SMALL, Saliency, load_u2net
from cgn.networks.unet import SEGMENTER_SMALL, Segmenter
from cgn.networks.vgg import (
    QUESTIONS,
    VGG16,
    VGG_SMALL,
    PerceptualFeatures,
    PublishedVGG,
    VGGClassifier,
)

DESCRIPTION = "networks.json"
PUBLISHED_VGGS = {"vgg16_bn": VGG16}

Network = TypeVar("Network", bound=nn.Module)
Sizes = TypeVar("Sizes")


def weights_file(folder: Path, name: str) -> Path:
    """The path of the weights of `biggan`, `u2net`, `vgg` or `segmenter` in a folder."""
    return Path(folder) / f"{name}.safetensors"


def save_network(path: Path, network: nn.Module, half: bool = True) -> None:
    """Writes the weights and statistics of `network` to `path`; with `half`, floats in half precision."""
    state = {
        name: (value.half() if half and value.is_floating_point() else value).cpu().contiguous()
        for name, value in network.state_dict().items()
    }
    with atomic_path(path) as temporary:
        save_file(state, temporary)


def save_published(folder: Path, name: str, network: nn.Module, description: dict[str, Any]) -> None:
    """Writes `network` in full precision in place of the small network `name`, and adds its `description`.

    A description has the `architecture`, a name in assets.yaml, and for a U2-Net the `normalisation` and
    `resolution` of its `Saliency`.
    """
    save_network(weights_file(folder, name), network, half=False)
    describe(folder, {name: description})


def describe(folder: Path, facts: dict[str, Any]) -> None:
    """Adds `facts` to networks.json: the description of a network by name, None if there is no such network.

    The key `resolution` is that of the world's images, if the BigGAN's is another.
    """
    write_json(folder / DESCRIPTION, _description(folder) | facts)


def world_resolution(folder: Path) -> int | None:
    """The resolution to which generated images are resized for classifiers; None: they are not resized."""
    resolution: int | None = _description(folder).get("resolution")
    return resolution


def load_cgan(folder: Path) -> BigGAN:
    """Loads the BigGAN, frozen, in evaluation mode; of a small one, the weights' shapes determine the sizes.

    Raises UserError when the file is missing, damaged or of another architecture.
    """
    path = weights_file(folder, "biggan")
    if published := _published(folder, "biggan", PUBLISHED_BIGGANS):
        return load_biggan(published, path).requires_grad_(False)
    state = read_state_dict(path)
    try:
        features = len(state["generator.gen_z.weight_orig"])
        classes = state["embeddings.weight"].shape[1]
    except (KeyError, IndexError):
        raise _of_another_network(path, "BigGAN") from None
    # The first layer has start^2 pixels with 16 times the width.
    start = isqrt(features // (16 * BIGGAN_SMALL.width))
    sizes = BIGGAN_SMALL._replace(start=start, classes=classes)
    return load_biggan(sizes, path).requires_grad_(False)


def load_saliency(folder: Path) -> Saliency:
    """Loads the U2-Net with its preprocessing; the small one takes images as they are, in [-1, 1].

    Raises UserError as `load_cgan`.
    """
    published = _published(folder, "u2net", PUBLISHED_U2NETS)
    network = load_u2net(published or U2NET_SMALL, weights_file(folder, "u2net"))
    if published:
        how = _description(folder)["u2net"]
        saliency = Saliency(network, how["normalisation"], how["resolution"])
    else:
        saliency = Saliency(network, "raw", None)
    # Channels last is faster on a CPU: a small U2-Net by a tenth, U2-Net-P by 40 %.
    return saliency.to(memory_format=torch.channels_last).eval()


def load_vgg(folder: Path) -> VGGClassifier:
    """Loads the small VGG, frozen, with the layer that answers QUESTIONS. Raises UserError as `load_cgan`."""
    path = weights_file(folder, "vgg")
    state = read_state_dict(path)
    if "head.bias" not in state:
        raise _of_another_network(path, "VGG")
    network = VGGClassifier(VGG_SMALL, len(state["head.bias"]))
    return _filled(network, state, path)


def load_features(folder: Path) -> PerceptualFeatures:
    """Loads the features of the VGG, which take images in [-1, 1]; the published VGG normalises them.

    Raises UserError as `load_cgan`.
    """
    path = weights_file(folder, "vgg")
    if published := _published(folder, "vgg", PUBLISHED_VGGS):
        network = _filled(PublishedVGG(published), read_state_dict(path), path)
        return PerceptualFeatures(network.features, "imagenet").eval()
    features = PerceptualFeatures(load_vgg(folder).features, "raw")
    return features.to(memory_format=torch.channels_last).eval()


def load_judge(folder: Path) -> nn.Module:
    """Loads the classifier for the Inception Scores of snapshots: the VGG, which takes images in [-1, 1].

    It returns logits of the object's class, in the published VGG's case one of ImageNet's. Raises UserError
    as `load_cgan`.
    """
    path = weights_file(folder, "vgg")
    if published := _published(folder, "vgg", PUBLISHED_VGGS):
        return _filled(PublishedVGG(published), read_state_dict(path), path)
    return _FirstQuestion(load_vgg(folder)).eval()


class _FirstQuestion(nn.Module):
    """The small VGG's logits for the first of QUESTIONS, the object's class."""

    def __init__(self, vgg: VGGClassifier) -> None:
        super().__init__()
        self.vgg = vgg

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.vgg(images)
        return logits.tensor_split(len(QUESTIONS), dim=1)[0]


def load_segmenter(folder: Path) -> Segmenter | None:
    """Loads the segmenter, frozen: it maps images (n, 3, r, r) in [-1, 1] to masks (n, 1, r, r) in [0, 1].

    Returns None beside published networks, which have no segmenter. Raises UserError as `load_cgan`.
    """
    if _description(folder).get("segmenter", True) is None:
        return None
    path = weights_file(folder, "segmenter")
    return _filled(Segmenter(SEGMENTER_SMALL), read_state_dict(path), path)


def _description(folder: Path) -> dict[str, Any]:
    path = folder / DESCRIPTION
    facts: dict[str, Any] = read_json(path) if path.exists() else {}
    return facts


def _published(folder: Path, name: str, known: Mapping[str, Sizes]) -> Sizes | None:
    """The sizes of a network that networks.json describes; None for a small network."""
    described = _description(folder).get(name)
    if described is None:
        return None
    if described["architecture"] not in known:
        raise UserError(
            f"{folder / DESCRIPTION}: {name}: {described['architecture']} is none of {', '.join(known)}; "
            "run the stage pretrained_networks again"
        )
    return known[described["architecture"]]


def _filled(network: Network, state: dict[str, Tensor], path: Path) -> Network:
    load_weights(network, state, path)
    return network.eval().requires_grad_(False)


def _of_another_network(path: Path, name: str) -> UserError:
    return UserError(f"{path}: not the weights of a small {name}; run the stage pretrained_networks again")
