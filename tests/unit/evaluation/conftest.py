"""A classifier whose answers are known: the image's red value says which row of a table it gets.

A tiny CGN that is the GAN it starts from, and judges that look at the brightness.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from pytorch_pretrained_biggan import BigGAN
from torch import Tensor, nn

from cgn.evaluation.cgn_scores import Judges
from cgn.generators.imagenet.mechanisms import ImageNetCGN
from cgn.networks.biggan import build_biggan
from cgn.networks.image_classifier import ImageClassifier
from cgn.networks.u2net import Block, Saliency, U2Net, U2NetSizes
from tests.unit.generators.imagenet.conftest import TINY


@pytest.fixture
def classifier_of() -> Callable[..., ImageClassifier]:
    """`classifier_of(table, in9_classes, cue_conflict_outputs)` answers row `red` of `table`."""

    def make(
        table: NDArray[np.floating],
        in9_classes: Sequence[int] = (),
        cue_conflict_outputs: dict[str, list[int]] | None = None,
    ) -> ImageClassifier:
        rows = table.astype(np.float32)

        def probabilities(images: NDArray[np.uint8]) -> NDArray[np.float32]:
            return rows[images[:, 0, 0, 0]]

        return ImageClassifier(4, probabilities, np.array(in9_classes), cue_conflict_outputs or {})

    return make


@pytest.fixture
def paint() -> Callable[[Path, int], None]:
    """`paint(file, red)` writes a small image of that red value, and its folders."""

    def write(file: Path, red: int) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (4, 4), (red, 255, 255)).save(file)

    return write


class BrightnessSegmenter(nn.Module):
    """Calls the bright pixels object."""

    def forward(self, images: Tensor) -> Tensor:
        return (images.mean(dim=1, keepdim=True) > 0).float()


class BrightnessClassifier(nn.Module):
    """Tells bright images from dark ones."""

    def forward(self, images: Tensor) -> Tensor:
        brightness = images.mean(dim=(1, 2, 3))
        return torch.stack([brightness, -brightness], dim=1) * 100


@pytest.fixture
def judges() -> Judges:
    return Judges(BrightnessClassifier(), BrightnessSegmenter())


@pytest.fixture
def cgan() -> BigGAN:
    return build_biggan(TINY, seed=9).eval()


@pytest.fixture
def cgn(cgan: BigGAN) -> ImageNetCGN:
    torch.manual_seed(0)
    sizes = U2NetSizes((Block(3, 2, 4), Block(3, 2, 4, dilated=True)), (Block(3, 2, 4),))
    cgn = ImageNetCGN(TINY, Saliency(U2Net(sizes), "raw", None), truncation=1.0, seed=1)
    cgn.start_from(cgan)
    return cgn
