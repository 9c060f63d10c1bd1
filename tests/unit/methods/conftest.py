"""Real digits as small MNIST variants, and the parameters of the classifiers as the tests want them."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from cgn.data.mnist.textures import load_textures
from cgn.data.mnist.variants import VARIANTS, environment
from cgn.data.params import TexturesBudget, VariantsParams
from cgn.data.sources import Images
from cgn.io.image_folders import Skipped
from cgn.methods.params import DigitClassifierParams
from cgn.params.reading import read
from tests.conftest import ROOT, packaged_digits

Make = Callable[[str, float], Images]


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def digits() -> dict[str, NDArray[np.uint8]]:
    return packaged_digits(200, 100, 100)


@pytest.fixture(scope="session")
def variant_params() -> VariantsParams:
    return read(ROOT).mnist.variants


@pytest.fixture(scope="session")
def make(digits: dict[str, NDArray[np.uint8]], variant_params: VariantsParams) -> Make:
    """`make(variant, correlation)`: 200 training digits under cues."""
    textures = load_textures(TexturesBudget(source="procedural", folder=None), 64, 0, Skipped())

    def images(variant: str, correlation: float) -> Images:
        own = textures if variant == "wildlife_mnist" else None
        shapes, labels = digits["train_images"], digits["train_labels"]
        params = getattr(variant_params, variant)
        return Images(environment(variant, shapes, labels, correlation, params, own, 0, variant), labels)

    return images


@pytest.fixture(params=VARIANTS)
def variant(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def schedule() -> DigitClassifierParams:
    values = {"batch": 32, "optimizer": "adam", "learning_rate": 0.004, "warmup": 0.1, "decays": 3}
    return DigitClassifierParams.model_validate(values | {"learning_rate_decay": 0.8, "network": "unpadded"})
