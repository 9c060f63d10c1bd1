from typing import Any

import pytest
import torch

from cgn.data.emoji.world import render
from cgn.generators.params import BigGANTrainingParams
from cgn.generators.pretraining.scenes import Renders
from cgn.training.params import NetworkTrainingParams

BIGGAN = BigGANTrainingParams(
    discriminator_channels=[4, 8, 8],
    generator_learning_rate=5e-3,
    discriminator_learning_rate=5e-3,
    gradient_penalty=0.1,
    gradient_penalty_interval=2,
    translation=0.125,
    cutout=0.25,
    weight_averaging=0.9,
    statistics_batches=2,
)


@pytest.fixture(scope="session")
def arrays() -> dict[str, Any]:
    """Renders of 32 pixels whose cues are random."""
    torch.set_num_threads(1)
    return render("train", 0, 40, resolution=32, background_correlation=0.0, surface_correlation=0.0, seed=0)


@pytest.fixture
def renders(arrays: dict[str, Any]) -> Renders:
    return Renders(arrays["images"], arrays["masks"], arrays["backgrounds"])


@pytest.fixture
def schedule() -> NetworkTrainingParams:
    return NetworkTrainingParams(batch=8, learning_rate=0.01, warmup=0.1)
