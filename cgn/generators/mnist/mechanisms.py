"""The independent mechanisms of the MNIST CGN (section 3.1, appendix B), one network each.

All tensors are float32. Noise is standard normal (n, noise dimensions); labels are int64 (n,), 0 to 9.
"""

from abc import ABC, abstractmethod
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from cgn.scm import MNIST_SCM, Mechanisms, compose

CLASSES = 10
SIZE = 32  # height and width of every image, in pixels
ARRANGEMENT_DIMENSIONS = 64  # uniforms that decide one shuffle, of at most 8x8 patches (of 4 pixels)
TEXTURES = ("foreground", "background")  # mechanisms that shuffle: their noise has an arrangement, too
Shuffle = Literal["permute", "shift", "none"]
Start = Literal["plain", "patterned"]
_START = 8  # height and width of the first map


class UpsamplingNetwork(nn.Module):
    """A DCGAN-like generator from noise and label to a map (n, channels, 32, 32), without final activation.

    Only the direction of the noise counts (as in Karras et al. 2018), because rare long vectors, which
    training hardly sees, gave ragged masks. The first map is 8x8 with 2 * width features. A convolution to
    four times the channels and a pixel shuffle double the size, so that convolutions run at the lower
    resolution.

    `circular` makes the map a torus, so that a texture has no seam after a cyclic shift. In training the
    first map is wrapped once, as far as all three convolutions reach. This is the same function as wrapping
    before each of them, with fewer operations to differentiate. In evaluation mode the map is wrapped before
    each convolution, which halves the multiplications (benchmarks/speed.py).

    With `start` `patterned` the first map is a linear function of the inputs. With `plain` it is one vector
    for all pixels, plus that function times a learnt gain, which starts at 0.
    """

    def __init__(
        self,
        width: int,
        channels: int,
        noise_dimensions: int,
        label_dimensions: int,
        circular: bool,
        start: Start = "patterned",
    ) -> None:
        super().__init__()
        self.start_width = 2 * width
        self.embedding = nn.Embedding(CLASSES, label_dimensions)
        self.project = nn.Linear(noise_dimensions + label_dimensions, self.start_width * _START * _START)
        self.plain: nn.Linear | None = None
        if start == "plain":
            self.plain = nn.Linear(noise_dimensions + label_dimensions, self.start_width)
            self.gain = nn.Parameter(torch.zeros(self.start_width))
        self.circular = circular
        padding = 0 if circular else 1
        self.conv_8 = nn.Conv2d(self.start_width, 4 * width, 3, padding=padding)
        self.conv_16 = nn.Conv2d(width, width, 3, padding=padding)
        self.conv_32 = nn.Conv2d(width, 4 * channels, 3, padding=padding)
        _start_as_nearest(self.conv_8)
        _start_as_nearest(self.conv_32)
        self.to(memory_format=torch.channels_last)

    def forward(self, noise: Tensor, labels: Tensor) -> Tensor:
        """The map (n, channels, 32, 32)."""
        direction = functional.normalize(noise, dim=1) * noise.shape[1] ** 0.5
        inputs = torch.cat([direction, self.embedding(labels)], dim=1)
        x = self.project(inputs).view(-1, _START, _START, self.start_width)
        if self.plain is not None:
            x = self.plain(inputs)[:, None, None, :] + self.gain * x
        x = functional.leaky_relu(_normalize(x), 0.2)
        if self.circular and self.training:
            x = _wrap(_wrap(x, 1, 2), 2, 2)  # conv_8 reaches one cell further, the others half a cell each
        x = x.permute(0, 3, 1, 2)
        x = functional.pixel_shuffle(functional.leaky_relu(self._convolved(self.conv_8, x), 0.2), 2)
        x = functional.leaky_relu(self._convolved(self.conv_16, x), 0.2)
        return functional.pixel_shuffle(self._convolved(self.conv_32, x), 2)

    def _convolved(self, convolution: nn.Conv2d, x: Tensor) -> Tensor:
        if self.circular and not self.training:
            x = _wrap(_wrap(x, 2, 1), 3, 1)
        convolved: Tensor = convolution(x)
        return convolved


@torch.no_grad()
def _start_as_nearest(convolution: nn.Conv2d) -> None:
    """Initialises the four pixels of a pixel shuffle as equal (ICNR, Aitken et al. 2017).

    Training then starts from nearest-neighbour up-sampling, without checkerboard patterns.
    """
    for parameter in (convolution.weight, convolution.bias):
        assert parameter is not None
        parameter.copy_(parameter[::4].repeat_interleave(4, dim=0))


def _normalize(x: Tensor) -> Tensor:
    """Normalises the features (n, h, w, features) of each pixel (Karras et al. 2018)."""
    return x * torch.rsqrt(x.square().mean(dim=3, keepdim=True) + 1e-8)


def _wrap(x: Tensor, dimension: int, cells: int) -> Tensor:
    """Extends a torus by `cells` at both ends of a dimension."""
    size = x.shape[dimension]
    ends = x.narrow(dimension, size - cells, cells), x.narrow(dimension, 0, cells)
    return torch.cat([ends[0], x, ends[1]], dim=dimension)


class ShapeMechanism(nn.Module):
    """f_shape: maps labels and noise to masks (n, 1, 32, 32) in [0, 1], 1 on the object.

    Masks start as a soft disc of `start_radius` pixels in the middle, or with None at one half everywhere.
    Swapping the textures and inverting the mask gives the same image; the disc makes the outer texture the
    background in every class, so no mask ends inverted.
    """

    start: Tensor

    def __init__(
        self, width: int, noise_dimensions: int, label_dimensions: int, start_radius: float | None
    ) -> None:
        super().__init__()
        self.network = UpsamplingNetwork(width, 1, noise_dimensions, label_dimensions, circular=False)
        steps = torch.arange(SIZE) - (SIZE - 1) / 2
        distance = (steps[:, None].square() + steps.square()).sqrt()
        # Logits fall with the distance; the maximum of 2 lets training cut strokes out of the disc.
        start = distance * 0 if start_radius is None else (start_radius - distance).clamp(max=2)
        self.register_buffer("start", start, persistent=False)

    def forward(self, labels: Tensor, noise: Tensor) -> Tensor:
        """The masks (n, 1, 32, 32)."""
        return torch.sigmoid(self.network(noise, labels) + self.start)

    def start_masks(self, count: int) -> Tensor:
        """The disc `count` times, (count, 1, 32, 32): the masks that a network output of 0 gives."""
        return torch.sigmoid(self.start).expand(count, 1, SIZE, SIZE)


class TextureMechanism(nn.Module):
    """f_text: maps labels and noise to texture maps (n, 3, 32, 32), shuffled so that they hold no shape.

    A CGN has one for the object and one for the background. Values are about in [-1, 1]: no activation bounds
    them (as in Karras et al. 2019), the discriminator teaches the range, and `to_bytes` clips. With a tanh, a
    colour that overshot early, e.g. from dark green to lime, had no gradient and stayed, and the mask of its
    class was inverted.
    """

    def __init__(
        self,
        width: int,
        noise_dimensions: int,
        label_dimensions: int,
        shuffle: Shuffle,
        patch_size: int,
        start: Start,
    ) -> None:
        super().__init__()
        self.shuffle = shuffle
        self.patch_size = patch_size
        self.network = UpsamplingNetwork(
            width, 3, noise_dimensions, label_dimensions, circular=True, start=start
        )

    def forward(self, labels: Tensor, noise: tuple[Tensor, Tensor]) -> Tensor:
        """The maps. `noise`: vectors, and uniforms on [0, 1) (n, ARRANGEMENT_DIMENSIONS) for the shuffle."""
        vectors, arrangement = noise
        texture = self.network(vectors, labels)
        return shuffle_texture(texture, arrangement, self.shuffle, self.patch_size)


def shuffle_texture(texture: Tensor, arrangement: Tensor, shuffle: Shuffle, patch_size: int) -> Tensor:
    """Shuffles each texture of (n, c, 32, 32), as the uniforms `arrangement` (n, 64) decide.

    `permute` permutes patches of `patch_size` pixels ("a shuffled sliding puzzle", section 3.1); `shift`
    shifts cyclically in both directions; `none` changes nothing. Raises ValueError for another `shuffle`.
    """
    if shuffle == "none":
        return texture
    if shuffle == "shift":
        offsets = (arrangement[:, :2] * SIZE).long()
        steps = torch.arange(SIZE, device=texture.device)
        rows = (steps + offsets[:, :1]) % SIZE
        columns = (steps + offsets[:, 1:]) % SIZE
        return take_pixels(texture, rows[:, :, None] * SIZE + columns[:, None, :])
    if shuffle != "permute":
        raise ValueError(f"{shuffle}: unknown shuffle")
    across = SIZE // patch_size
    order = arrangement[:, : across * across].argsort(dim=1)
    corners = (order // across * SIZE + order % across) * patch_size
    within = torch.arange(patch_size, device=texture.device)
    patch = within[:, None] * SIZE + within
    source = corners.view(-1, across, 1, across, 1) + patch.view(1, 1, patch_size, 1, patch_size)
    return take_pixels(texture, source.reshape(-1, SIZE, SIZE))


def take_pixels(images: Tensor, source: Tensor) -> Tensor:
    """Rearranges images (n, c, 32, 32): pixel (i, j) of image k comes from flat position source[k, i, j]."""
    count, channels = images.shape[:2]
    pixels = images.permute(0, 2, 3, 1).reshape(count, SIZE * SIZE, channels)
    index = source.reshape(count, SIZE * SIZE, 1).expand(-1, -1, channels)
    return pixels.gather(1, index).view(count, SIZE, SIZE, channels).permute(0, 3, 1, 2)


class DigitCGN(nn.Module, ABC):
    """A counterfactual generative network for 32x32 images: three mechanisms and the composer."""

    @property
    @abstractmethod
    def noise_dimensions(self) -> int:
        """The dimensions of a mechanism's noise."""

    @property
    @abstractmethod
    def mechanisms(self) -> Mechanisms:
        """The mechanisms of `MNIST_SCM`, by name; masks are in [0, 1], textures about in [-1, 1]."""


class CGNConfig(NamedTuple):
    """The sizes and settings of a CGN, which are stored with its weights."""

    width: int
    noise_dimensions: int
    label_dimensions: int
    mask_start_radius: float | None
    texture_shuffle: Shuffle
    patch_size: int
    texture_start: Start


class CGN(DigitCGN):
    """The network of this repository; `cgn.generators.mnist.released` has that of the released code."""

    def __init__(self, config: CGNConfig) -> None:
        super().__init__()
        self.config = config
        sizes = (config.width, config.noise_dimensions, config.label_dimensions)
        self.shape = ShapeMechanism(*sizes, config.mask_start_radius)
        texture = (config.texture_shuffle, config.patch_size, config.texture_start)
        self.foreground = TextureMechanism(*sizes, *texture)
        self.background = TextureMechanism(*sizes, *texture)

    @property
    def noise_dimensions(self) -> int:
        """The dimensions of a mechanism's noise."""
        return self.config.noise_dimensions

    @property
    def mechanisms(self) -> Mechanisms:
        """The mechanisms of `MNIST_SCM`, by name."""
        return {name: getattr(self, name) for name in MNIST_SCM.mechanisms} | {"composer": compose}


def inputs(labels: Tensor, vectors: Tensor, arrangements: Tensor) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Labels and noise of `MNIST_SCM` by mechanism, with the same labels (n,) for all, as in training.

    `vectors` are (mechanisms, n, noise dimensions), `arrangements` (textures, n, ARRANGEMENT_DIMENSIONS).
    """
    noise: dict[str, Any] = dict(zip(MNIST_SCM.mechanisms, vectors, strict=True))
    textures = zip(TEXTURES, arrangements, strict=True)
    noise |= {name: (noise[name], arrangement) for name, arrangement in textures}
    return dict.fromkeys(MNIST_SCM.mechanisms, labels), noise
