"""VGG networks with batch norm, and perceptual losses on their features (Johnson et al. 2016).

The losses compare Gram matrices (Gatys et al. 2015) of the features after the first four max-pools (section
3.2).
"""

from collections.abc import Sequence
from typing import Literal, Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from cgn.networks.inputs import ImageNetNormalisation

TAPS = 4

# Output channels of each convolution; "M" is a max-pool.
Channels = Sequence[int | str]
VGG16: Channels = (
    *(64, 64, "M", 128, 128, "M", 256, 256, 256, "M"),
    *(512, 512, 512, "M", 512, 512, 512, "M"),
)
# For images of 32 to 64 pixels.
VGG_SMALL: Channels = (16, "M", 32, 32, "M", 64, 64, "M", 96, 96, "M")
# The small VGG is trained to predict three labels of a render: those of object, surface and background.
QUESTIONS = ("labels", "surface_labels", "background_labels")


def convolutions(channels: Channels) -> nn.Sequential:
    """The convolutions of a VGG with batch norm, with torchvision's layer numbers.

    torchvision's own function is not used, because importing torchvision takes longer than a short training.
    """
    layers: list[nn.Module] = []
    before = 3
    for entry in channels:
        if isinstance(entry, int):
            layers += [nn.Conv2d(before, entry, 3, padding=1), nn.BatchNorm2d(entry), nn.ReLU(inplace=True)]
            before = entry
        else:
            layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers)


class VGGClassifier(nn.Module):
    """A small VGG with batch norm that maps images (n, 3, h, w) to logits (n, classes).

    Global average pooling and one linear layer follow the convolutions, so it takes any resolution that the
    pools can halve.
    """

    def __init__(self, channels: Channels, classes: int) -> None:
        super().__init__()
        self.features = convolutions(channels)
        self.head = nn.Linear([entry for entry in channels if isinstance(entry, int)][-1], classes)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (n, classes)."""
        logits: Tensor = self.head(self.features(images).mean(dim=(2, 3)))
        return logits


class PublishedVGG(nn.Module):
    """torchvision's VGG with batch norm: maps images (n, 3, h, w) in [-1, 1] to logits (n, 1000) of ImageNet.

    Parameters have torchvision's names. Images are normalised with ImageNet's mean and standard deviation.
    """

    def __init__(self, channels: Channels) -> None:
        super().__init__()
        self.normalise = ImageNetNormalisation()
        self.features = convolutions(channels)
        before = [entry for entry in channels if isinstance(entry, int)][-1] * 7 * 7
        layers: list[nn.Module] = []
        for _ in range(2):
            layers += [nn.Linear(before, 4096), nn.ReLU(inplace=True), nn.Dropout()]
            before = 4096
        self.classifier = nn.Sequential(*layers, nn.Linear(before, 1000))

    def forward(self, images: Tensor) -> Tensor:
        """Logits (n, 1000)."""
        maps = self.features(self.normalise((images + 1) / 2))
        logits: Tensor = self.classifier(functional.adaptive_avg_pool2d(maps, 7).flatten(1))
        return logits


class PerceptualFeatures(nn.Module):
    """The features of images (n, 3, h, w) in [-1, 1] after each of the first four max-pools.

    `features` are the convolutions of a VGG, which are frozen: those of a VGGClassifier or of torchvision's
    `vgg16_bn`. With `normalisation` `imagenet`, images are normalised by ImageNet's mean and standard
    deviation, as in VGG's training; with `raw`, the network gets the values in [-1, 1], as in the released
    code of the paper. Gradients reach the images. Raises ValueError when there are fewer than four max-pools.
    """

    def __init__(self, features: nn.Sequential, normalisation: Literal["imagenet", "raw"]) -> None:
        super().__init__()
        pools = [index for index, layer in enumerate(features) if isinstance(layer, nn.MaxPool2d)]
        if len(pools) < TAPS:
            raise ValueError(f"{len(pools)} max-pools, {TAPS} are needed")
        self.layers = features[: pools[TAPS - 1] + 1].eval().requires_grad_(False)
        self.normalisation = normalisation
        self.normalise = ImageNetNormalisation()

    def train(self, mode: bool = True) -> Self:
        """Stays in evaluation mode, because the network and its batch norms are frozen."""
        return super().train(False)

    def forward(self, images: Tensor) -> list[Tensor]:
        """The four features, (n, c, h / 2, w / 2) to (n, c, h / 16, w / 16)."""
        x = images
        if self.normalisation == "imagenet":
            x = self.normalise((x + 1) / 2)
        taps = []
        for layer in self.layers:
            x = layer(x)
            if isinstance(layer, nn.MaxPool2d):
                taps.append(x)
        return taps


def gram_matrix(features: Tensor) -> Tensor:
    """The Gram matrices G = F F^T / (c h w), (n, c, c), of features (n, c, h, w) (Johnson et al., eq. 3).

    F is (c, h w). Computed in float32 even under autocast, because losses are small differences of Gram
    matrices.
    """
    with torch.autocast(features.device.type, enabled=False):
        flat = features.to(torch.promote_types(features.dtype, torch.float32)).flatten(2)
        return flat @ flat.transpose(1, 2) / flat[0].numel()


def gram_loss(
    features: Sequence[Tensor], reference: Sequence[Tensor], factors: Sequence[float], of_batch: bool = False
) -> Tensor:
    """The sum over taps of factor x L1(gram(features), gram(reference)), L1 being the mean over n and c x c.

    Taps whose factor is 0 are left out. The paper has one weight for all taps (lambda_2, lambda_5);
    `released_factors` gives those of its code. The resolutions of features and reference may differ. With
    `of_batch` the mean Gram matrices of both batches are compared, else those of each pair. Raises ValueError
    when the numbers of taps differ.
    """

    def gram(tap: Tensor) -> Tensor:
        return gram_matrix(tap).mean(dim=0) if of_batch else gram_matrix(tap)

    losses = [
        factor * functional.l1_loss(gram(ours), gram(theirs))
        for factor, ours, theirs in zip(factors, features, reference, strict=True)
        if factor
    ]
    return torch.stack(losses).sum()


def released_factors(weights: Sequence[float]) -> list[float]:
    """The factors w^2 x 5000 of the released code for its weights w, which are 4,4,4,4 and 0,5,5,0."""
    return [weight**2 * 5e3 for weight in weights]
