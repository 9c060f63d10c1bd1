"""The ImageNet branch's classifier, a residual network (He et al. 2016) for images of 32 to 64 pixels."""

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn
from torch.nn import functional

from cgn.errors import UserError
from cgn.networks.classifier import WEIGHTS, Classifier, load_classifier


class SmallResNet(Classifier):
    """Logits (n, classes) of images (n, 3, size, size) in [-1, 1]; the weights are drawn from `seed`.

    Each stage is one residual block with as many output channels as `channels` says. The stem and every stage
    after the first halve the map: with three stages, 48 pixels become 6x6.
    """

    def __init__(self, seed: int, classes: int, channels: list[int]) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.stem = _convolution(3, channels[0], stride=2)
            self.stages = nn.Sequential(
                *(
                    ResidualBlock(before, after, stride=1 if stage == 0 else 2)
                    for stage, (before, after) in enumerate(
                        zip([channels[0], *channels], channels, strict=False)
                    )
                )
            )
            self.linear = nn.Linear(channels[-1], classes)
        self.to(memory_format=torch.channels_last)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (n, classes)."""
        logits: Tensor = self.linear(self.features(images))
        return logits

    def features(self, images: Tensor) -> Tensor:
        """The inputs of the last layer: the mean over the last map, (n, channels[-1])."""
        x = functional.relu(self.stem(images.contiguous(memory_format=torch.channels_last)))
        pooled: Tensor = self.stages(x).mean(dim=(2, 3))
        return pooled


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions, plus the identity, or a 1x1 convolution if the shape changes."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.first = _convolution(before, after, stride)
        self.second = _convolution(after, after)
        same = before == after and stride == 1
        self.shortcut = nn.Identity() if same else _convolution(before, after, stride, kernel=1)

    def forward(self, x: Tensor) -> Tensor:
        """From (n, before, h, w) to (n, after, h / stride, w / stride)."""
        residual = self.second(functional.relu(self.first(x)))
        return functional.relu(residual + self.shortcut(x))


def _convolution(before: int, after: int, stride: int = 1, kernel: int = 3) -> nn.Sequential:
    convolution = nn.Conv2d(before, after, kernel, stride, padding=kernel // 2, bias=False)
    nn.init.kaiming_normal_(convolution.weight, mode="fan_out", nonlinearity="relu")
    return nn.Sequential(convolution, nn.BatchNorm2d(after))


def load_small_resnet(folder: Path) -> SmallResNet:
    """Loads the network that `train_and_save` wrote to `folder`; the weights' shapes determine its sizes.

    Raises UserError when the weights are missing, damaged or of another kind.
    """
    shapes = stored_shapes(folder)
    try:
        network = SmallResNet(0, shapes["linear.weight"][0], stored_channels(shapes))
    except (KeyError, IndexError) as error:
        raise UserError(f"{folder / WEIGHTS}: not a classifier of ours ({error})") from None
    return load_classifier(folder, network)


def stored_shapes(folder: Path) -> dict[str, list[int]]:
    """The shapes of the weights in `folder`, by name. Raises UserError when they are missing or damaged."""
    path = folder / WEIGHTS
    try:
        with safe_open(path, framework="pt") as file:
            return {name: file.get_slice(name).get_shape() for name in file.keys()}  # noqa: SIM118
    except FileNotFoundError:
        raise UserError(f"{path}: not found; run the stage that trains it (dvc repro)") from None
    except SafetensorError as error:
        raise UserError(f"{path}: not a classifier of ours ({error})") from None


def stored_channels(shapes: Mapping[str, list[int]]) -> list[int]:
    """The `channels` of the small network whose weights have these shapes; empty if it is another network."""
    stages = [name for name in shapes if name.startswith("stages.") and name.endswith(".second.0.weight")]
    return [shapes[name][0] for name in sorted(stages)]
