"""Which signal is the cause: classifiers that read one signal of real double-colored images without error."""

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from cgn.data.mnist.variants import environment
from cgn.evaluation.params import SignalsParams
from cgn.evaluation.signals import name_of, signal_scores
from cgn.params.reading import read

VARIANT = "double_colored_mnist"
PARAMS = SignalsParams(environments=[0.9, 0.925, 0.95, 0.975, 1.0], stable_below=0.5)


class Corner:
    """Reads the class of the background from the first pixel."""

    def __init__(self, colors: list[tuple[int, int, int]]) -> None:
        self.colors = torch.tensor(colors).float()

    def predict(self, images: Tensor) -> Tensor:
        return torch.cdist(images[:, 0, 0].float(), self.colors).argmin(dim=1)


class Height:
    """Reads the class of a digit of `bars`, where its colour is not that of the ground."""

    heights = torch.tensor([int((np.arange(32) * 28 // 32 < 7 + label).sum() - 5) for label in range(10)])

    def predict(self, images: Tensor) -> Tensor:
        rows = (images != images[:, :1, :1]).any(dim=3)[:, :, 16].sum(dim=1)
        return (rows[:, None] - self.heights).abs().argmin(dim=1)


class Constant:
    def predict(self, images: Tensor) -> Tensor:
        return torch.zeros(len(images), dtype=torch.int64)


def bars(labels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Digits (n, 28, 28) that are bars of a height of 3 to 12 pixels, as their class tells."""
    digits = np.zeros((len(labels), 28, 28), np.uint8)
    for image, label in zip(digits, labels, strict=True):
        image[4 : 7 + label, 10:18] = 255
    return digits


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_stable_signal_is_found_whatever_its_name(root: Path, seed: int) -> None:
    own = read(root).mnist.variants.double_colored_mnist.model_copy(update={"standard_deviation": 0.0})
    labels = np.arange(400, dtype=np.uint8) % 10

    def draw(correlation: float) -> NDArray[np.uint8]:
        return environment(VARIANT, bars(labels), labels, correlation, own, None, seed, "signals")

    cue, cause = Corner(own.colors), Height()
    # The names are swapped, so that a verdict by name would be wrong.
    scores = signal_scores(
        {"shape": cue, "background": cause, "foreground": Constant()}, draw, labels, PARAMS
    )

    assert scores["causal_signal"] == "background"
    assert list(scores["signals"]["shape"]) == ["90", "92_5", "95", "97_5", "100", "random"]
    assert scores["signals"]["shape"]["100"] == 100
    assert scores["signals"]["shape"]["random"] < 20
    assert scores["dependence"]["shape"] == pytest.approx(1, abs=0.35)
    assert scores["dependence"]["background"] < 0.35
    assert scores["dependence"]["foreground"] is None
    stricter = PARAMS.model_copy(update={"stable_below": 1e-9})
    few = signal_scores({"shape": cue}, draw, labels, stricter)
    assert few["causal_signal"] == "none"


def test_environments_are_named_by_percent() -> None:
    assert [name_of(value) for value in (0.9, 0.925, 1.0, 0.975)] == ["90", "92_5", "100", "97_5"]
