"""The training step of the released code on Wildlife MNIST, written down again operation by operation.

The source is github.com/autonomousvision/counterfactual_generative_networks (MIT licence), commit 1cba9d4:
mnists/train_cgn.py, mnists/models, the losses of imagenet/losses.py, and the configuration
mnists/experiments/cgn_wildlife_MNIST/cfg.yaml. Logging and the reading of images are left out.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.models import vgg16

EPOCHS, BATCH = 15, 16
WIDTH, NOISE, CLASSES, SIZE = 32, 32, 10, 32
MASK_WEIGHT, STYLE_WEIGHTS = 0.3, (0.01, 0.05, 0.0, 0.01)
_TAPS = (3, 8, 15, 22)  # before the first four of VGG16's max-pools


class ReleasedCGN(nn.Module):
    """Three mechanisms with one label embedding; its weights have the names of the published files."""

    def __init__(self) -> None:
        super().__init__()
        self.label_emb = nn.Embedding(CLASSES, CLASSES)
        self.f_shape = nn.Sequential(
            *_start(), nn.InstanceNorm2d(2 * WIDTH), *_upsample(2 * WIDTH, WIDTH),
            nn.InstanceNorm2d(WIDTH), *_upsample(WIDTH, 1), nn.InstanceNorm2d(1),
        )  # fmt: skip
        self.f_text1, self.f_text2 = (
            nn.Sequential(
                *_start(), *_upsample(2 * WIDTH, 2 * WIDTH), *_upsample(2 * WIDTH, WIDTH),
                nn.Conv2d(WIDTH, 3, 3, padding=1), nn.BatchNorm2d(3), nn.Tanh(),
            )
            for _ in range(2)
        )  # fmt: skip

    def forward(self, labels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Mask, foreground and background (n, 3, 32, 32) of the classes, with the same noise."""
        inputs = torch.cat([torch.randn(len(labels), NOISE), self.label_emb(labels)], dim=1)
        mask = self.f_shape(inputs).clamp(0.0001, 0.9999).repeat(1, 3, 1, 1)
        return mask, _shifted(self.f_text1(inputs)), _shifted(self.f_text2(inputs))


class ReleasedDiscriminator(nn.Sequential):
    """Convolutions with batch norms; the label is a fourth channel."""

    def __init__(self, width: int = 32) -> None:
        channels = (4, width, 2 * width, 4 * width, 4 * width)
        layers: list[nn.Module] = []
        for index, (size, stride) in enumerate(((3, 1), (3, 1), (4, 2), (4, 2))):
            convolution = nn.Conv2d(channels[index], channels[index + 1], size, stride, bias=False)
            layers += [convolution, nn.BatchNorm2d(channels[index + 1]), nn.LeakyReLU(0.2, inplace=True)]
        super().__init__(*layers, nn.AvgPool2d(3), nn.Conv2d(4 * width, 1, 1, bias=False))
        self.embedding = [nn.Embedding(CLASSES, 1)]  # in a list, for it is no layer

    def judge(self, images: Tensor, labels: Tensor) -> Tensor:
        """A number for each image (n, 3, 32, 32): 1 is real, 0 is generated."""
        channel = self.embedding[0](labels).reshape(-1, 1, 1, 1).repeat(1, 1, SIZE, SIZE)
        validity: Tensor = self(torch.cat([images, channel], dim=1)).squeeze()
        return validity


class ReleasedTraining:
    """Both networks, VGG16 with random weights, and Adam for each."""

    def __init__(self) -> None:
        self.cgn, self.discriminator = ReleasedCGN(), ReleasedDiscriminator()
        self.features = vgg16().features.eval().requires_grad_(False)
        embedding = self.discriminator.embedding[0].parameters()
        judging = [*self.discriminator.parameters(), *embedding]
        self.optimizer_g, self.optimizer_d = (
            torch.optim.Adam(parameters, lr=2e-4, betas=(0.5, 0.999))
            for parameters in (self.cgn.parameters(), judging)
        )

    def step(self, real: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """An update of the generator, then of the discriminator; their losses."""
        valid, fake = torch.ones(len(labels)), torch.zeros(len(labels))
        self.optimizer_g.zero_grad()
        drawn = torch.randint(CLASSES, (len(labels),))
        mask, foreground, background = self.cgn(drawn)
        generated = mask * foreground + (1 - mask) * background
        adversarial = functional.mse_loss(self.discriminator.judge(generated, drawn), valid)
        entropy = (-mask * mask.log2() - (1 - mask) * (1 - mask).log2()).mean()
        loss_g = adversarial + MASK_WEIGHT * entropy + self.perceptual_loss(generated, real)
        torch.autograd.backward(loss_g)
        self.optimizer_g.step()

        self.optimizer_d.zero_grad()
        on_real = functional.mse_loss(self.discriminator.judge(real, labels), valid)
        on_fake = functional.mse_loss(self.discriminator.judge(generated.detach(), drawn), fake)
        loss_d = (on_real + on_fake) / 2
        torch.autograd.backward(loss_d)
        self.optimizer_d.step()
        return loss_g.detach(), loss_d.detach()

    def perceptual_loss(self, images: Tensor, reference: Tensor) -> Tensor:
        """Distances of features and of Gram matrices; weights of 0 are multiplied as well."""
        wanted, found = ([tap.clone() for tap in self.taps(reference)], self.taps(images))
        losses = [0.0 * functional.l1_loss(*pair) for pair in zip(found, wanted, strict=True)]
        for one, other, weight in zip(found, wanted, STYLE_WEIGHTS, strict=True):
            losses.append(functional.l1_loss(_gram(one), _gram(other)) * weight**2 * 5e3)
        return torch.stack(losses).sum()

    def taps(self, images: Tensor) -> Sequence[Tensor]:
        """Four of VGG16's feature maps; all of its layers are computed."""
        found = []
        for index, layer in enumerate(self.features):
            images = layer(images)
            if index in _TAPS:
                found.append(images)
        return found


def _start() -> list[nn.Module]:
    eighth = SIZE // 4
    linear = nn.Linear(NOISE + CLASSES, 2 * WIDTH * eighth**2)
    return [linear, nn.Unflatten(1, (2 * WIDTH, eighth, eighth))]


def _upsample(features: int, out: int) -> list[nn.Module]:
    convolution = nn.Conv2d(features, out, 3, padding=1, bias=False)
    return [nn.Upsample(scale_factor=2), convolution, nn.BatchNorm2d(out), nn.LeakyReLU(0.2, inplace=True)]


def _shifted(texture: Tensor) -> Tensor:
    """A random crop of 2x2 copies of each texture, by way of all crops as there."""
    tiled = torch.cat([torch.cat([texture] * 2, dim=3)] * 2, dim=2)
    every = torch.arange(len(tiled))
    for _ in range(2):
        crops = tiled.unfold(2, SIZE, 1)
        chosen = torch.randint(crops.shape[2], (len(tiled),))
        tiled = crops[every, :, chosen]
    return tiled


def _gram(features: Tensor) -> Tensor:
    count, channels, height, width = features.shape
    flat = features.reshape(count, channels, height * width)
    return flat @ flat.transpose(1, 2) / (channels * height * width)
