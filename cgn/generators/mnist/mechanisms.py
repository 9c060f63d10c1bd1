"""The independent mechanisms of the MNIST world (section 3.1, appendix B): one network each.

All tensors are float32; noise is standard normal (n, noise dimensions), labels int64 (n,) in 0..9.
"""

from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from cgn.scm import MNIST_SCM, Mechanisms, compose

CLASSES = 10
SIZE = 32  # height and width of every image, in pixels
ARRANGEMENT_DIMENSIONS = 64  # uniforms that decide one shuffle: 8x8 patches of 4 pixels at most
TEXTURES = ("foreground", "background")  # the mechanisms whose noise has an arrangement
Shuffle = Literal["permute", "shift", "none"]
Start = Literal["plain", "patterned"]
_START = 8  # the networks grow a map from 8x8 to 32x32


class UpsamplingNetwork(nn.Module):
    """DCGAN-like generator: noise and label embedding -> map (n, channels, 32, 32), no activation.

    Noise counts by its direction alone (as in Karras et al. 2018): the rare long vectors, which training
    hardly sees, gave ragged masks. The map at 8x8 has 2 * width features.

    Doubling the size is a convolution to four times the channels and a pixel shuffle: every
    convolution runs at the low resolution. `circular` makes the map a torus: a texture that is shifted
    cyclically afterwards has no seam. In training it wraps once, as far as all three convolutions reach: the
    same function as wrapping before each, with fewer operations to differentiate. Else it wraps before each,
    which halves the multiplications (benchmarks/speed.py).

    With the start `plain`, the map at 8x8 is one vector everywhere, plus what is otherwise all of it behind a
    gain of 0 that training may raise.
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
        direction = functional.normalize(noise, dim=1) * noise.shape[1] ** 0.5
        inputs = torch.cat([direction, self.embedding(labels)], dim=1)
        x = self.project(inputs).view(-1, _START, _START, self.start_width)
        if self.plain is not None:
            x = self.plain(inputs)[:, None, None, :] + self.gain * x
        x = functional.leaky_relu(_normalize(x), 0.2)
        if self.circular and self.training:
            x = _wrap(_wrap(x, 1, 2), 2, 2)  # a cell for conv_8, half a one for each of the others
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
    """Make the four pixels of a pixel shuffle equal at first (ICNR, Aitken et al. 2017).

    Training then starts from nearest-neighbour up-sampling, free of checkerboards.
    """
    for parameter in (convolution.weight, convolution.bias):
        assert parameter is not None
        parameter.copy_(parameter[::4].repeat_interleave(4, dim=0))


def _normalize(x: Tensor) -> Tensor:
    """Pixel-wise normalisation of features (n, h, w, features) (Karras et al. 2018), none over the batch."""
    return x * torch.rsqrt(x.square().mean(dim=3, keepdim=True) + 1e-8)


def _wrap(x: Tensor, dimension: int, cells: int) -> Tensor:
    """Continue a torus by `cells` at both ends of a dimension."""
    size = x.shape[dimension]
    ends = x.narrow(dimension, size - cells, cells), x.narrow(dimension, 0, cells)
    return torch.cat([ends[0], x, ends[1]], dim=dimension)


class ShapeMechanism(nn.Module):
    """f_shape: label, noise -> mask (n, 1, 32, 32) in [0, 1], 1 on the object.

    The mask starts as a soft disc of `start_radius` pixels in the middle. Composition is symmetric under
    swapping the textures and inverting the mask; from this start, the background texture is what lies
    around the object in every class, and no mask comes out inverted.
    """

    start: Tensor

    def __init__(self, width: int, noise_dimensions: int, label_dimensions: int, start_radius: float) -> None:
        super().__init__()
        self.network = UpsamplingNetwork(width, 1, noise_dimensions, label_dimensions, circular=False)
        steps = torch.arange(SIZE) - (SIZE - 1) / 2
        distance = (steps[:, None].square() + steps.square()).sqrt()
        # Logits of at most 2, so that strokes can be cut out of the disc, and lower the further out.
        start = (start_radius - distance).clamp(max=2)
        self.register_buffer("start", start, persistent=False)

    def forward(self, labels: Tensor, noise: Tensor) -> Tensor:
        return torch.sigmoid(self.network(noise, labels) + self.start)

    def start_masks(self, count: int) -> Tensor:
        """The disc `count` times, (count, 1, 32, 32): what a network that says nothing yet would give."""
        return torch.sigmoid(self.start).expand(count, 1, SIZE, SIZE)


class TextureMechanism(nn.Module):
    """f_text: label, noise -> texture map (n, 3, 32, 32), shuffled so that it holds no shape.

    The paper's MNIST world has two of them: the object's texture and the background's. The values are those
    of images in [-1, 1], which the discriminator teaches them; nothing squashes them (as in Karras et al.
    2019) and `to_bytes` clips them. With a tanh, a class whose colour overshot early, say from dark green to
    lime, stayed there without a gradient, and its mask had to draw the digit inside out.
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
        """`noise`: vectors, and uniforms on [0, 1) (n, ARRANGEMENT_DIMENSIONS) that decide the shuffle."""
        vectors, arrangement = noise
        texture = self.network(vectors, labels)
        return shuffle_texture(texture, arrangement, self.shuffle, self.patch_size)


def shuffle_texture(texture: Tensor, arrangement: Tensor, shuffle: Shuffle, patch_size: int) -> Tensor:
    """Rearrange each image of (n, c, 32, 32) at random, as `arrangement` (n, 64) decides.

    `permute`: patches of `patch_size` pixels change places ("a shuffled sliding puzzle", section 3.1);
    `shift`: a cyclic shift in both directions; `none`: unchanged.
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
    """images (n, c, 32, 32); pixel (i, j) of image k comes from its flat position source[k, i, j]."""
    count, channels = images.shape[:2]
    pixels = images.permute(0, 2, 3, 1).reshape(count, SIZE * SIZE, channels)
    index = source.reshape(count, SIZE * SIZE, 1).expand(-1, -1, channels)
    return pixels.gather(1, index).view(count, SIZE, SIZE, channels).permute(0, 3, 1, 2)


class CGNConfig(NamedTuple):
    """What a stored CGN needs in order to be built again."""

    width: int
    noise_dimensions: int
    label_dimensions: int
    mask_start_radius: float
    texture_shuffle: Shuffle
    patch_size: int
    texture_start: Start


class CGN(nn.Module):
    """The three mechanisms and the composer: a counterfactual generative network for 32x32 images."""

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
        return self.config.noise_dimensions

    @property
    def mechanisms(self) -> Mechanisms:
        """What computes each node of `MNIST_SCM`, by its name."""
        return {name: getattr(self, name) for name in MNIST_SCM.mechanisms} | {"composer": compose}


def inputs(labels: Tensor, vectors: Tensor, arrangements: Tensor) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Labels and noise of `MNIST_SCM` by mechanism, one label for all of them, as while training.

    `vectors` (mechanisms, n, noise dimensions), `arrangements` (textures, n, ARRANGEMENT_DIMENSIONS).
    """
    noise: dict[str, Any] = dict(zip(MNIST_SCM.mechanisms, vectors, strict=True))
    textures = zip(TEXTURES, arrangements, strict=True)
    noise |= {name: (noise[name], arrangement) for name, arrangement in textures}
    return dict.fromkeys(MNIST_SCM.mechanisms, labels), noise
