from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from cgn.data.mnist.masks import real_masks, translated_masks
from cgn.data.sources import FreshImages, Images
from cgn.evaluation.mechanism_quality import border_means, diversity, entropy_bits, mechanism_quality
from cgn.methods.erm import ERM
from cgn.methods.params import ClassifierParams
from cgn.networks.digit_cnn import DigitCNN
from tests.conftest import packaged_digits

PER_CLASS = 20


@pytest.fixture(scope="module")
def digits() -> dict[str, NDArray[np.uint8]]:
    return packaged_digits(1500, 10, 400)


@pytest.fixture(scope="module")
def reader(digits: dict[str, NDArray[np.uint8]]) -> DigitCNN:
    """A digit classifier, trained for a few seconds."""
    torch.set_num_threads(1)
    schedule = ClassifierParams(
        batch=16, optimizer="adam", learning_rate=0.006, warmup=0.05, learning_rate_decay=0.7, decays=5
    )
    masks, labels = real_masks(digits["train_images"], 0.1), digits["train_labels"]
    source = FreshImages(lambda n: Images(translated_masks(masks, 0, 0, n), labels), len(labels), 16, 0)
    algorithm = ERM(DigitCNN(0, channels=1), 260, schedule)
    for step in range(260):
        algorithm.update(source.minibatches(step))
    return algorithm.network


@pytest.fixture(scope="module")
def masks(digits: dict[str, NDArray[np.uint8]]) -> NDArray[np.float32]:
    """Unseen real digits as masks (10, n, 32, 32)."""
    real, labels = real_masks(digits["test_images"], 0.1), digits["test_labels"]
    return np.stack([real[labels == digit][:PER_CLASS] for digit in range(10)]).astype(np.float32)


def _score(masks: NDArray[np.float32], real: NDArray[np.float32], reader: DigitCNN) -> dict[str, Any]:
    return dict(mechanism_quality(masks, list(real), reader, 0.6))


def test_real_digits_are_healthy(masks: NDArray[np.float32], reader: DigitCNN) -> None:
    scores = _score(masks, masks, reader)
    assert scores["healthy_classes"] >= 9
    assert scores["mask_digit_accuracy"] > 85
    assert scores["inverted_masks"] == 0
    assert scores["mask_entropy"] < 1e-6
    assert 0.1 < scores["mask_mean"] < 0.25
    assert scores["diversity"] == pytest.approx(scores["real_diversity"])
    assert 0.4 < scores["diversity"] < 0.9
    assert [row["class"] for row in scores["per_class"]] == list(range(10))


def test_inverted_masks_are_never_healthy(masks: NDArray[np.float32], reader: DigitCNN) -> None:
    scores = _score(1 - masks, masks, reader)
    assert scores["healthy_classes"] == 0
    assert scores["inverted_masks"] == 100


def test_merged_classes_lose_their_health(masks: NDArray[np.float32], reader: DigitCNN) -> None:
    merged = masks.copy()
    merged[3] = masks[7]
    healthy = [row["healthy"] for row in _score(merged, masks, reader)["per_class"]]
    assert not healthy[3]
    assert healthy[7]


def test_one_digit_for_every_noise_has_no_diversity(masks: NDArray[np.float32], reader: DigitCNN) -> None:
    same = np.repeat(masks[:, :1], PER_CLASS, axis=1)
    scores = _score(same, masks, reader)
    assert scores["diversity"] == 0
    assert scores["real_diversity"] > 0.4


def test_diversity_is_the_mean_over_pairs() -> None:
    masks = np.zeros((3, 4, 4))
    masks[0, 0, :2] = masks[1, 0, 1:3] = masks[2, 3, :] = 1  # IoU of the pairs: 1/3, 0, 0
    assert diversity(masks) == pytest.approx((2 / 3 + 1 + 1) / 3)
    assert diversity(np.zeros((2, 4, 4))) == 0  # two empty masks are the same


def test_border_is_the_outermost_two_pixels() -> None:
    mask = np.zeros((2, 32, 32))
    mask[0, :2] = 1  # a quarter and a bit of the ring of 240 pixels
    mask[1, 2:-2, 2:-2] = 1  # everything but the ring
    assert border_means(mask).tolist() == pytest.approx([64 / 240, 0])


def test_entropy_is_in_bits() -> None:
    masks = np.stack([np.full((32, 32), p) for p in (0.0, 0.5, 1.0, 0.25)])
    assert entropy_bits(masks).tolist() == pytest.approx([0, 1, 0, 0.811278], abs=1e-5)
