"""The MNIST network of the paper's released code, with the names of its weights.

The layers are those of mnists/models/cgn.py in github.com/autonomousvision/counterfactual_generative_networks
(MIT). `cgn.generators.mnist.faithful` trains it; three trained ones are in assets.yaml.
"""

from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from cgn.errors import UserError
from cgn.generators.mnist.mechanisms import CLASSES, DigitCGN, Shuffle, shuffle_texture
from cgn.io.weights import load_weights, read_state_dict
from cgn.scm import Mechanisms, compose

_START = 8  # height and width of the first map
_CLEAR = 1e-4  # masks keep this distance from 0 and 1, so that their entropy has a gradient


class ReleasedConfig(NamedTuple):
    """The sizes of a `ReleasedCGN`, which are stored with its weights."""

    width: int
    noise_dimensions: int
    texture_shuffle: Shuffle
    patch_size: int


class ReleasedCGN(DigitCGN):
    """Three up-sampling networks with batch norms, whose inputs share one embedding of the class.

    A mask is normalised over its own pixels (instance norm) and clipped to [0, 1]; textures end in a tanh.
    The released code repeats a texture twice in each direction and cuts out 32x32 pixels at random, a cyclic
    shift (`shift`; ours draws a shift of 0 as often as others, there it is twice as frequent). The paper
    permutes patches (`permute`).
    """

    def __init__(self, config: ReleasedConfig) -> None:
        super().__init__()
        self.config = config
        inputs = config.noise_dimensions + CLASSES
        self.label_emb = nn.Embedding(CLASSES, CLASSES)
        self.f_shape = _shape_network(inputs, config.width)
        self.f_text1 = _texture_network(inputs, config.width)
        self.f_text2 = _texture_network(inputs, config.width)

    @property
    def noise_dimensions(self) -> int:
        """The dimensions of a mechanism's noise."""
        return self.config.noise_dimensions

    @property
    def mechanisms(self) -> Mechanisms:
        """The mechanisms of `MNIST_SCM`, by name."""
        return {
            "shape": self._mask,
            "foreground": lambda labels, noise: self._texture(self.f_text1, labels, noise),
            "background": lambda labels, noise: self._texture(self.f_text2, labels, noise),
            "composer": compose,
        }

    def _mask(self, labels: Tensor, noise: Tensor) -> Tensor:
        mask: Tensor = self.f_shape(self._inputs(labels, noise))
        return mask.clamp(_CLEAR, 1 - _CLEAR)

    def _texture(self, network: nn.Sequential, labels: Tensor, noise: tuple[Tensor, Tensor]) -> Tensor:
        vectors, arrangement = noise
        texture = network(self._inputs(labels, vectors))
        return shuffle_texture(texture, arrangement, self.config.texture_shuffle, self.config.patch_size)

    def _inputs(self, labels: Tensor, noise: Tensor) -> Tensor:
        return torch.cat([noise, self.label_emb(labels)], dim=1)


def load_released_cgn(path: Path) -> ReleasedCGN:
    """Loads a trained network of the released code from its .pth file, frozen.

    Its sizes are those of the file. Raises UserError when the file is missing or has other weights.
    """
    state = read_state_dict(path)
    if not {"f_shape.0.weight", "f_shape.4.weight"} <= state.keys():
        raise UserError(f"{path}: not a CGN of the released MNIST code; fetch it again (see assets.yaml)")
    noise_dimensions = state["f_shape.0.weight"].shape[1] - CLASSES
    cgn = ReleasedCGN(ReleasedConfig(len(state["f_shape.4.weight"]), noise_dimensions, "shift", 8))
    load_weights(cgn, state, path)
    return cgn.eval().requires_grad_(False)


def _upsampled(inputs: int, outputs: int) -> list[nn.Module]:
    convolution = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
    return [nn.Upsample(scale_factor=2), convolution, nn.BatchNorm2d(outputs), nn.LeakyReLU(0.2)]


def _first_map(inputs: int, features: int) -> list[nn.Module]:
    return [nn.Linear(inputs, features * _START**2), nn.Unflatten(1, (features, _START, _START))]


def _shape_network(inputs: int, width: int) -> nn.Sequential:
    return nn.Sequential(
        *_first_map(inputs, 2 * width),
        nn.InstanceNorm2d(2 * width),
        *_upsampled(2 * width, width),
        nn.InstanceNorm2d(width),
        *_upsampled(width, 1),
        nn.InstanceNorm2d(1),
    )


def _texture_network(inputs: int, width: int) -> nn.Sequential:
    return nn.Sequential(
        *_first_map(inputs, 2 * width),
        *_upsampled(2 * width, 2 * width),
        *_upsampled(2 * width, width),
        nn.Conv2d(width, 3, 3, padding=1),
        nn.BatchNorm2d(3),
        nn.Tanh(),
    )
