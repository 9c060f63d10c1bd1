from collections.abc import Callable

import pytest
import torch

from cgn.generators.imagenet.mechanisms import ImageNetCGN
from cgn.generators.params import ImageNetCGNParams, LearningRates, RefinementParams
from cgn.networks.biggan import BigGANSizes
from cgn.networks.u2net import Block, Saliency, U2Net, U2NetSizes
from cgn.networks.vgg import PerceptualFeatures, VGGClassifier

# 16 pixels, two classes.
TINY = BigGANSizes(
    classes=2,
    noise_dimensions=4,
    width=4,
    layers=((True, 16, 8), (False, 8, 4), (True, 4, 2), (False, 2, 1)),
    attention_position=1,
    truncations=3,
)


PARAMS = ImageNetCGNParams(
    lambda_l1=100,
    lambda_perceptual=5,
    lambda_binary=300,
    lambda_mask=500,
    lambda_texture=5,
    lambda_background=2000,
    gram_factor=10,
    texture_taps="all",
    tau=0.1,
    patch_source="composite",
    patch_size=3,
    patch_grid=4,
    patch_candidates=20,
    learning_rates=LearningRates(shape=1e-3, foreground=1e-3, background=1e-3),
    truncation=1.0,
    start="pretrained",
    refinement=RefinementParams(features=0, learning_rate=1e-3),
)


def tiny_cgn(seed: int, features: int = 0) -> ImageNetCGN:
    torch.manual_seed(seed)
    sizes = U2NetSizes((Block(3, 2, 4), Block(3, 2, 4, dilated=True)), (Block(3, 2, 4),))
    return ImageNetCGN(
        TINY, Saliency(U2Net(sizes), "raw", None), truncation=1.0, seed=seed, features=features
    )


def tiny_features() -> PerceptualFeatures:
    torch.manual_seed(0)
    return PerceptualFeatures(VGGClassifier([4, "M", 4, "M", 4, "M", 4, "M"], 2).features, "imagenet")


@pytest.fixture
def make_cgn() -> Callable[[int], ImageNetCGN]:
    torch.set_num_threads(1)
    return tiny_cgn


@pytest.fixture
def features() -> PerceptualFeatures:
    return tiny_features()


@pytest.fixture
def params() -> ImageNetCGNParams:
    return PARAMS
