"""Accuracy in percent, top-1 and top-5 accuracy (Table 3), and confusion matrices."""

from collections.abc import Iterable
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from cgn import ranks
from cgn.io.pixels import from_bytes

CLASSES = 10
_BATCH = 500  # images at once


class Predictor(Protocol):
    """A classifier of images uint8."""

    def predict(self, images: Tensor) -> Tensor:
        """The classes int64 (n,) of images uint8 (n, 32, 32, channels)."""
        ...


def predict(predictor: Predictor, images: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Predicts the classes int64 (n,) of images uint8 (n, 32, 32, channels), in batches."""
    parts = [
        predictor.predict(torch.from_numpy(images[start : start + _BATCH])).numpy()
        for start in range(0, len(images), _BATCH)
    ]
    return np.concatenate(parts).astype(np.int64)


def accuracy(predicted: NDArray[np.integer], labels: NDArray[np.integer]) -> float:
    """The share of `predicted` (n,) that equals `labels` (n,), in percent."""
    return float(np.mean(predicted == labels) * 100)


def confusion(predicted: NDArray[np.integer], labels: NDArray[np.integer]) -> NDArray[np.int64]:
    """The confusion matrix, counts (10, 10): row = true class, column = predicted class."""
    cells = labels.astype(np.int64) * CLASSES + predicted
    return np.bincount(cells, minlength=CLASSES * CLASSES).reshape(CLASSES, CLASSES)


@torch.inference_mode()
def top_accuracy(
    network: nn.Module, batches: Iterable[tuple[NDArray[np.uint8], NDArray[np.integer]]]
) -> dict[str, float]:
    """`top1` and `top5`, the accuracies of `network` in percent.

    `batches` are images uint8 (n, h, w, 3) and their labels (n,), of several ranks those of this one. It runs
    on the GPU if there is one.
    """
    hits, count = np.zeros(2), 0
    network.eval()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    network.to(device)
    for images, labels in batches:
        logits = network(from_bytes(torch.from_numpy(images).to(device)))
        order = logits.topk(min(5, logits.shape[1]), dim=1).indices.cpu().numpy()
        right = order == labels[:, None]
        hits += right[:, 0].sum(), right.any(axis=1).sum()
        count += len(labels)
    top1, top5 = 100 * np.sum(ranks.gathered([hits]), axis=0) / sum(ranks.gathered([count]))
    return {"top1": float(top1), "top5": float(top5)}
