import numpy as np
import torch

from cgn.metrics.accuracy import top_accuracy
from cgn.networks.classifier import Classifier


class ByBrightness(Classifier):
    """Ranks the classes by how near their number is to the red value of the first pixel."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.classes = classes

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        red = (images[:, 0, 0, 0] + 1) * 127.5
        return -(torch.arange(self.classes) - red[:, None]).abs()


def test_first_and_among_the_first_five() -> None:
    images = np.zeros((4, 8, 8, 3), dtype=np.uint8)
    images[:, 0, 0, 0] = [4, 4, 4, 0]
    labels = np.array([4, 6, 8, 5])  # first; third; last of nine; sixth
    assert top_accuracy(ByBrightness(9), [(images[:3], labels[:3]), (images[3:], labels[3:])]) == {
        "top1": 25.0,
        "top5": 50.0,
    }


def test_of_two_classes_both_are_among_the_first_five() -> None:
    images = np.zeros((4, 8, 8, 3), dtype=np.uint8)
    assert top_accuracy(ByBrightness(2), [(images, np.array([0, 0, 0, 1]))]) == {"top1": 75.0, "top5": 100.0}
