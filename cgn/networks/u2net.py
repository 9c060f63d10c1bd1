"""U2-Net, which segments the salient object (Qin et al. 2020, "Going Deeper with Nested U-Structure").

It is a U-Net in which every stage is a small U-Net (a residual U-block, RSU). Parameters have the names of
the official release, so its state dicts can be loaded unchanged.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal, NamedTuple, Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from cgn.errors import UserError
from cgn.io.weights import load_weights, read_state_dict
from cgn.networks.inputs import ImageNetNormalisation
from cgn.networks.onnx_weights import Convolution, read_convolutions


class Block(NamedTuple):
    """The sizes of a residual U-block: RSU-`height`, or RSU-`height`F, which dilates instead of pooling."""

    height: int
    middle_channels: int
    output_channels: int
    dilated: bool = False


class U2NetSizes(NamedTuple):
    """The blocks of the encoder, from full resolution down, and of the decoder (one fewer), back up."""

    encoder: tuple[Block, ...]
    decoder: tuple[Block, ...]


U2NET = U2NetSizes(
    encoder=(
        Block(7, 32, 64),
        Block(6, 32, 128),
        Block(5, 64, 256),
        Block(4, 128, 512),
        Block(4, 256, 512, dilated=True),
        Block(4, 256, 512, dilated=True),
    ),
    decoder=(
        Block(4, 256, 512, dilated=True),
        Block(4, 128, 256),
        Block(5, 64, 128),
        Block(6, 32, 64),
        Block(7, 16, 64),
    ),
)
_NARROW = tuple(Block(height, 16, 64) for height in (7, 6, 5, 4))
_NARROW_DILATED = Block(4, 16, 64, dilated=True)
U2NETP = U2NetSizes(
    encoder=(*_NARROW, _NARROW_DILATED, _NARROW_DILATED), decoder=(_NARROW_DILATED, *reversed(_NARROW))
)
# The sizes with published weights, by the names in assets.yaml.
PUBLISHED_U2NETS = {"u2net": U2NET, "u2netp": U2NETP}
# For images of 32 to 64 pixels. Large maps have few channels, because the CGN's training runs the network
# twice a step.
U2NET_SMALL = U2NetSizes(
    encoder=(Block(3, 4, 8), Block(3, 8, 16), Block(3, 16, 32), Block(3, 16, 32, dilated=True)),
    decoder=(Block(3, 16, 32), Block(3, 8, 16), Block(3, 4, 8)),
)


class _Convolution(nn.Module):
    def __init__(self, input_channels: int, output_channels: int, dilation: int) -> None:
        super().__init__()
        self.conv_s1 = nn.Conv2d(input_channels, output_channels, 3, padding=dilation, dilation=dilation)
        self.bn_s1 = nn.BatchNorm2d(output_channels)

    def forward(self, x: Tensor) -> Tensor:
        activation: Tensor = functional.relu(self.bn_s1(self.conv_s1(x)))
        return activation


class ResidualUBlock(nn.ModuleDict):
    """RSU: a U-Net of `height` levels, plus its own first convolution (Qin et al., figure 2e)."""

    def __init__(self, input_channels: int, sizes: Block) -> None:
        super().__init__()
        height, middle, output, self.dilated = sizes
        self.height = height
        self["rebnconvin"] = _Convolution(input_channels, output, 1)
        for level in range(1, height + 1):
            bottom = level == height
            dilation = 2 ** (level - 1) if self.dilated else 1 + bottom
            self[f"rebnconv{level}"] = _Convolution(output if level == 1 else middle, middle, dilation)
        for level in range(height - 1, 0, -1):
            dilation = 2 ** (level - 1) if self.dilated else 1
            channels = output if level == 1 else middle
            self[f"rebnconv{level}d"] = _Convolution(2 * middle, channels, dilation)

    def forward(self, x: Tensor) -> Tensor:
        """From (n, input channels, h, w) to (n, output channels, h, w)."""
        entry: Tensor = self["rebnconvin"](x)
        x = entry
        skips = []
        for level in range(1, self.height):
            x = self[f"rebnconv{level}"](x)
            skips.append(x)
            if not self.dilated and level < self.height - 1:
                x = _halve(x)
        x = self[f"rebnconv{self.height}"](x)
        for level in range(self.height - 1, 0, -1):
            skip = skips.pop()
            x = self[f"rebnconv{level}d"](torch.cat([_resize_like(x, skip), skip], dim=1))
        return x + entry


class U2Net(nn.ModuleDict):
    """Saliency logits (n, 1 + stages, h, w) of normalised images (n, 3, h, w).

    Channel 0, the fused map, is the result; the others are the side outputs, from full resolution down. The
    training loss is the sum of the binary cross-entropies of all channels (Qin et al., equation 1).
    """

    def __init__(self, sizes: U2NetSizes) -> None:
        super().__init__()
        self.stages = stages = len(sizes.encoder)
        channels = [block.output_channels for block in sizes.encoder]
        # The order of computation; `_unfolded` relies on it, because exported files have the same order.
        for stage, block in enumerate(sizes.encoder, start=1):
            self[f"stage{stage}"] = ResidualUBlock(3 if stage == 1 else channels[stage - 2], block)
        for stage, block in zip(range(stages - 1, 0, -1), sizes.decoder, strict=True):
            self[f"stage{stage}d"] = ResidualUBlock(channels[stage] + channels[stage - 1], block)
            channels[stage - 1] = block.output_channels
        for stage in range(1, stages + 1):
            self[f"side{stage}"] = nn.Conv2d(channels[stage - 1], 1, 3, padding=1)
        self["outconv"] = nn.Conv2d(stages, 1, 1)

    def forward(self, images: Tensor) -> Tensor:
        """The logits (n, 1 + stages, h, w)."""
        x, features = images, []
        for stage in range(1, self.stages + 1):
            x = self[f"stage{stage}"](x if stage == 1 else _halve(x))
            features.append(x)
        for stage in range(self.stages - 1, 0, -1):
            skip = features[stage - 1]
            x = self[f"stage{stage}d"](torch.cat([_resize_like(x, skip), skip], dim=1))
            features[stage - 1] = x
        sides = [
            _resize_like(self[f"side{stage}"](feature), images) for stage, feature in enumerate(features, 1)
        ]
        fused = self["outconv"](torch.cat(sides, dim=1))
        return torch.cat([fused, *sides], dim=1)


def load_u2net(sizes: U2NetSizes, path: Path) -> U2Net:
    """Loads a U2-Net from a state dict (.pth, .safetensors) or an exported model (.onnx), in evaluation mode.

    Raises UserError when the file is missing, damaged or of another architecture.
    """
    network = U2Net(sizes)
    path = Path(path)
    if path.suffix == ".onnx":
        state = _unfolded(network, read_convolutions(path), path)
    else:
        state = read_state_dict(path)
    load_weights(network, state, path)
    return network.eval()


def published_u2net(path: Path) -> str:
    """The name in `PUBLISHED_U2NETS` of the network that a file holds, in any format that `load_u2net` reads.

    Raises UserError when the file is missing or damaged, or when it holds neither network.
    """
    path = Path(path)
    if path.suffix == ".onnx":
        weights = [convolution.weight for convolution in read_convolutions(path)]
    else:
        weights = list(read_state_dict(path).values())
    for name, sizes in PUBLISHED_U2NETS.items():
        with torch.device("meta"):
            network = U2Net(sizes)
        if _kernel_shapes(network.parameters()) == _kernel_shapes(weights):
            return name
    raise UserError(f"{path}: neither {' nor '.join(PUBLISHED_U2NETS)} of Qin et al.; give one of these")


def _kernel_shapes(weights: Iterable[Tensor]) -> list[tuple[int, ...]]:
    return sorted(tuple(weight.shape) for weight in weights if weight.ndim == 4)


def _unfolded(network: U2Net, convolutions: list[Convolution], path: Path) -> dict[str, Tensor]:
    """Makes a state dict from convolutions with folded batch norms; batch norms become the identity."""
    modules = [(name, m) for name, m in network.named_modules() if isinstance(m, nn.Conv2d)]
    if len(modules) != len(convolutions):
        raise UserError(f"{path}: {len(convolutions)} convolutions, this U2-Net has {len(modules)}")
    state = network.state_dict()
    for (name, _), (weight, bias) in zip(modules, convolutions, strict=True):
        state[f"{name}.weight"], state[f"{name}.bias"] = weight, bias
    for name, norm in network.named_modules():
        if isinstance(norm, nn.BatchNorm2d):
            # The statistics of a new batch norm are 0 and 1, so this weight cancels its epsilon.
            state[f"{name}.weight"] = torch.full_like(norm.weight, (1 + norm.eps) ** 0.5)
    return state


def _halve(x: Tensor) -> Tensor:
    return functional.max_pool2d(x, 2, stride=2, ceil_mode=True)


def _resize_like(x: Tensor, reference: Tensor) -> Tensor:
    return functional.interpolate(x, size=reference.shape[-2:], mode="bilinear", align_corners=False)


class Saliency(nn.Module):
    """A frozen U2-Net that maps images (n, 3, h, w) in [-1, 1] to saliency (n, 1, h, w) in [0, 1].

    With `normalisation` `official`, images are scaled to a brightest value of 1 and normalised by ImageNet's
    mean and standard deviation, as in U2-Net's training. With `raw`, the network gets the values in [-1, 1],
    as in the released code of the paper. Images are resized to `resolution` pixels squared before (None: not
    at all); the official networks were trained at 320. Gradients reach the images.
    """

    def __init__(
        self, network: U2Net, normalisation: Literal["official", "raw"], resolution: int | None
    ) -> None:
        super().__init__()
        self.network = network.eval().requires_grad_(False)
        self.normalisation = normalisation
        self.resolution = resolution
        self.normalise = ImageNetNormalisation()

    def train(self, mode: bool = True) -> Self:
        """Stays in evaluation mode, because the network and its batch norms are frozen."""
        return super().train(False)

    def forward(self, images: Tensor) -> Tensor:
        """The saliency (n, 1, h, w) in [0, 1]."""
        x = images
        if self.resolution is not None:
            x = _resize(x, (self.resolution, self.resolution))
        if self.normalisation == "official":
            x = (x + 1) / 2
            brightest = x.amax(dim=(1, 2, 3), keepdim=True).clamp_min(1e-6)  # no division by 0
            x = self.normalise(x / brightest)
        fused: Tensor = self.network(x)[:, :1]
        # In float32 even under autocast: half precision rounds masks near 1 to 1, where there is no gradient.
        return _resize(fused.float().sigmoid(), images.shape[-2:])


def _resize(x: Tensor, size: Sequence[int]) -> Tensor:
    return functional.interpolate(x, size=tuple(size), mode="bilinear", align_corners=False)
