"""The small networks of a world on disk: one safetensors file each, in half precision."""

from math import isqrt
from pathlib import Path
from typing import TypeVar

import torch
from pytorch_pretrained_biggan import BigGAN
from safetensors.torch import save_file
from torch import Tensor, nn

from cgn.common.files import atomic_path
from cgn.errors import UserError
from cgn.imagenet.networks.biggan import BIGGAN_SMALL, load_biggan
from cgn.imagenet.networks.perceptual import QUESTIONS, VGG_SMALL, PerceptualFeatures, VGGClassifier
from cgn.imagenet.networks.saliency import Saliency
from cgn.imagenet.networks.segmenter import SEGMENTER_SMALL, Segmenter
from cgn.imagenet.networks.u2net import U2NET_SMALL, load_u2net
from cgn.imagenet.networks.weights import load_weights, read_state_dict

Network = TypeVar("Network", bound=nn.Module)


def weights_file(folder: Path, name: str) -> Path:
    """Where the weights of `biggan`, `u2net`, `vgg` or `segmenter` are in a folder."""
    return Path(folder) / f"{name}.safetensors"


def save_network(path: Path, network: nn.Module) -> None:
    """Write the weights and statistics of `network` to `path`, floats in half precision."""
    state = {
        name: (value.half() if value.is_floating_point() else value).cpu().contiguous()
        for name, value in network.state_dict().items()
    }
    with atomic_path(path) as temporary:
        save_file(state, temporary)


def load_cgan(folder: Path) -> BigGAN:
    """The small BigGAN, frozen, in evaluation mode; its resolution and classes are those of its weights.

    Raises UserError when the file is missing, damaged or of another architecture; so do the others.
    """
    path = weights_file(folder, "biggan")
    state = read_state_dict(path)
    try:
        features = len(state["generator.gen_z.weight_orig"])
        classes = state["embeddings.weight"].shape[1]
    except (KeyError, IndexError):
        raise _of_another_network(path, "BigGAN") from None
    # The first layer gives start^2 pixels of 16 times the width.
    start = isqrt(features // (16 * BIGGAN_SMALL.width))
    sizes = BIGGAN_SMALL._replace(start=start, classes=classes)
    return load_biggan(sizes, path).requires_grad_(False)


def load_saliency(folder: Path) -> Saliency:
    """The small U2-Net, which was trained on images in [-1, 1] of the world's own resolution."""
    network = load_u2net(U2NET_SMALL, weights_file(folder, "u2net"))
    # On a CPU it is a tenth faster so.
    return Saliency(network, "raw", None).to(memory_format=torch.channels_last).eval()


def load_vgg(folder: Path) -> VGGClassifier:
    """The small VGG whole, with the layer that answers its questions; frozen."""
    path = weights_file(folder, "vgg")
    state = read_state_dict(path)
    if "head.bias" not in state:
        raise _of_another_network(path, "VGG")
    network = VGGClassifier(VGG_SMALL, len(state["head.bias"]))
    return _filled(network, state, path)


def load_features(folder: Path) -> PerceptualFeatures:
    """The features of the small VGG, which was trained on images in [-1, 1]."""
    features = PerceptualFeatures(load_vgg(folder).features, "raw")
    return features.to(memory_format=torch.channels_last).eval()


def load_judge(folder: Path) -> nn.Module:
    """Whose Inception Score follows a training: images in [-1, 1] to the small VGG's logits for the object.

    The VGG answers `QUESTIONS`, the object's class first.
    """
    return _FirstQuestion(load_vgg(folder)).eval()


class _FirstQuestion(nn.Module):
    def __init__(self, vgg: VGGClassifier) -> None:
        super().__init__()
        self.vgg = vgg

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.vgg(images)
        return logits.tensor_split(len(QUESTIONS), dim=1)[0]


def load_segmenter(folder: Path) -> Segmenter:
    """The judge of masks, frozen: images (n, 3, r, r) in [-1, 1] to masks (n, 1, r, r) in [0, 1]."""
    path = weights_file(folder, "segmenter")
    return _filled(Segmenter(SEGMENTER_SMALL), read_state_dict(path), path)


def _filled(network: Network, state: dict[str, Tensor], path: Path) -> Network:
    load_weights(network, state, path)
    return network.eval().requires_grad_(False)


def _of_another_network(path: Path, name: str) -> UserError:
    return UserError(f"{path}: not the weights of a small {name}; run the stage pretrained_networks again")
