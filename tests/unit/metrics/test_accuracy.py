import numpy as np
import torch

from cgn.metrics.accuracy import accuracy, confusion, predict


class _FirstPixel:
    """Predicts the value of the first pixel."""

    def __init__(self) -> None:
        self.batches: list[int] = []

    def predict(self, images: torch.Tensor) -> torch.Tensor:
        self.batches.append(len(images))
        return images[:, 0, 0, 0].long()


def test_predictions_come_in_order_and_in_batches() -> None:
    images = np.zeros((1203, 32, 32, 3), np.uint8)
    images[:, 0, 0, 0] = np.arange(1203) % 10
    reader = _FirstPixel()
    assert np.array_equal(predict(reader, images), np.arange(1203) % 10)
    assert predict(reader, images[:3]).dtype == np.int64
    assert sum(reader.batches) == 1206
    assert max(reader.batches) <= 500


def test_accuracy_is_in_percent() -> None:
    labels = np.array([1, 2, 3, 4], np.uint8)
    assert accuracy(np.array([1, 2, 3, 0]), labels) == 75.0


def test_confusion_rows_are_true_classes() -> None:
    counts = confusion(np.array([3, 3, 9, 0]), np.array([1, 1, 9, 0], np.uint8))
    assert counts.shape == (10, 10)
    assert counts[1, 3] == 2
    assert counts[9, 9] == counts[0, 0] == 1
    assert counts.sum() == 4


def test_confusion_has_a_row_for_classes_that_nobody_predicts() -> None:
    assert confusion(np.array([0, 2]), np.array([0, 1], np.uint8)).shape == (10, 10)
