"""Augmentation by random convolutions (Xu et al. 2021), which change colour and texture but not the shape.

An image x becomes a x + (1 - a) (K * x). The factor a is uniform on [0, 1] and the kernel K has normal
weights; both are drawn for each image. The kernel's size is drawn for each batch. A 1x1 kernel is a random
linear map of the colours; a larger one also changes the texture. The method needs no generator and no labels
of cues.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from cgn.data.sources import Minibatch, concatenate
from cgn.io.pixels import from_bytes
from cgn.methods.algorithm import Algorithm, Setting
from cgn.methods.params import AugmentationParams, ClassifierParams
from cgn.networks.classifier import Classifier
from cgn.seeding import seed_for


def random_convolution(images: Tensor, size: int, draws: torch.Generator) -> Tensor:
    """Mixes each image (n, c, h, w) with its convolution by a random kernel of odd `size`.

    The kernel's weights have variance 1 / (c size^2), so that white noise keeps its variance.
    """
    count, channels = images.shape[:2]
    deviation = (channels * size * size) ** -0.5
    kernels = torch.randn(count * channels, channels, size, size, generator=draws).to(images.device)
    grouped = images.reshape(1, count * channels, *images.shape[2:])
    convolved = functional.conv2d(grouped, kernels * deviation, padding=size // 2, groups=count).view(
        images.shape
    )
    mixing = torch.rand(count, 1, 1, 1, generator=draws).to(images.device)
    return mixing * images + (1 - mixing) * convolved


class AugmentedERM(Algorithm):
    """Empirical risk minimisation on augmented images. Random numbers depend on seed and step only."""

    def __init__(
        self,
        network: Classifier,
        steps: int,
        schedule: ClassifierParams,
        params: AugmentationParams,
        seed: int,
    ) -> None:
        super().__init__(network, steps, schedule)
        self._params = params
        self._seed = seed

    def update(self, minibatches: Sequence[Minibatch]) -> dict[str, float]:
        """Updates by the cross-entropy, with the share `share` of images augmented. Returns "loss"."""
        draws = torch.Generator().manual_seed(seed_for(self._seed, self.step))
        batch = concatenate(minibatches)
        images = from_bytes(batch.images)
        chosen = torch.rand(len(images), generator=draws) < self._params.share
        sizes = self._params.kernel_sizes
        size = sizes[int(torch.randint(len(sizes), (), generator=draws))]
        augmented = random_convolution(images, size, draws)
        images = torch.where(chosen.to(images.device)[:, None, None, None], augmented, images)
        images = images.contiguous(memory_format=torch.channels_last)
        loss = functional.cross_entropy(self.network(images), batch.labels)
        self._descend(loss)
        return {"loss": loss.item()}


def build(setting: Setting) -> AugmentedERM:
    """Builds the algorithm for a setting."""
    of = setting.network, setting.steps, setting.schedule, setting.params
    return AugmentedERM(*of, setting.seed_of("draws"))
