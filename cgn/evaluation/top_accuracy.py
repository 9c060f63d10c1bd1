"""Top-1 and top-5 accuracy (Table 3)."""

import numpy as np
import torch
from numpy.typing import NDArray

from cgn.io.pixels import from_bytes
from cgn.networks.classifier import Classifier

_BATCH = 500  # images at once


@torch.inference_mode()
def top_accuracy(
    network: Classifier, images: NDArray[np.uint8], labels: NDArray[np.integer]
) -> dict[str, float]:
    """`top1` and `top5`, in percent: is the label of images (n, h, w, 3) first, or among the first five?"""
    hits = np.zeros(2)
    network.eval()
    for start in range(0, len(images), _BATCH):
        logits = network(from_bytes(torch.from_numpy(images[start : start + _BATCH])))
        # Of fewer classes than five, all are among the first.
        order = logits.topk(min(5, logits.shape[1]), dim=1).indices.numpy()
        right = order == labels[start : start + _BATCH, None]
        hits += right[:, 0].sum(), right.any(axis=1).sum()
    top1, top5 = 100 * hits / len(images)
    return {"top1": float(top1), "top5": float(top5)}
