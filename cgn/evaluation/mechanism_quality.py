"""Are the masks digits, and varied? The health of the shape mechanism, which the paper did not measure.

Masks fail in three ways that no loss shows: they invert (frame white, digit black), classes merge, or every
noise gives one digit. A classifier trained on real digits reads the masks; the border tells inverted
ones (real digits are black there); the overlap of two masks of a class tells how varied they are.
Ours, after the observation of the ReScience C reproduction (doi 10.5281/zenodo.6574635).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cgn.metrics.accuracy import Predictor, accuracy, predict

CLASSES = 10
BORDER_WIDTH = 2  # pixels of the outermost ring
INVERTED_ABOVE = 0.5  # border mean: more than half of the frame is object

Masks = NDArray[np.floating]


class ClassQuality(NamedTuple):
    """The masks of one class. Accuracy and inverted share in percent, entropy in bits, others on [0, 1]."""

    digit_accuracy: float
    border_mean: float
    inverted_masks: float
    mask_mean: float
    mask_entropy: float
    diversity: float
    healthy: bool


def class_quality(masks: Masks, digit: int, reader: Predictor, read_share: float) -> ClassQuality:
    """Quality of masks (n, 32, 32) in [0, 1] of class `digit`, as `reader` (of digit images) sees them.

    Healthy: at least the share `read_share` is read as `digit`, and the mean of the border is below 0.5.
    """
    predicted = predict(reader, as_digit_images(masks))
    digit_accuracy = accuracy(predicted, np.full(len(masks), digit))
    borders = border_means(masks)
    return ClassQuality(
        digit_accuracy=digit_accuracy,
        border_mean=float(borders.mean()),
        inverted_masks=float(np.mean(borders > INVERTED_ABOVE) * 100),
        mask_mean=float(masks.mean()),
        mask_entropy=float(entropy_bits(masks).mean()),
        diversity=diversity(masks),
        healthy=bool(digit_accuracy >= 100 * read_share and borders.mean() < INVERTED_ABOVE),
    )


def mechanism_quality(
    masks: Masks, real_masks: list[Masks], reader: Predictor, read_share: float
) -> dict[str, object]:
    """The scores of masks (10, n, 32, 32) in [0, 1], index = class, ready to be written as JSON.

    `real_masks` are real digits of each class (m, 32, 32), for `real_diversity`. Accuracies and
    `inverted_masks` in percent, `mask_entropy` in bits per pixel, `mask_mean` and diversities on [0, 1].
    """
    classes = [class_quality(masks[digit], digit, reader, read_share) for digit in range(CLASSES)]

    def mean(field: str) -> float:
        return float(np.mean([getattr(quality, field) for quality in classes]))

    return {
        "mask_mean": mean("mask_mean"),
        "mask_entropy": mean("mask_entropy"),
        "mask_digit_accuracy": mean("digit_accuracy"),
        "inverted_masks": mean("inverted_masks"),
        "healthy_classes": sum(quality.healthy for quality in classes),
        "diversity": mean("diversity"),
        "real_diversity": float(np.mean([diversity(real) for real in real_masks])),
        "per_class": [
            {
                "class": digit,
                "digit_accuracy": quality.digit_accuracy,
                "border_mean": quality.border_mean,
                "mask_mean": quality.mask_mean,
                "diversity": quality.diversity,
                "healthy": quality.healthy,
            }
            for digit, quality in enumerate(classes)
        ],
    }


def as_digit_images(masks: Masks) -> NDArray[np.uint8]:
    """Masks (n, 32, 32) in [0, 1] as grey images uint8 (n, 32, 32, 1): soft masks stay soft."""
    return np.rint(np.clip(masks, 0, 1) * 255).astype(np.uint8)[..., None]


def border_means(masks: Masks) -> NDArray[np.floating]:
    """The mean of each mask (n, 32, 32) over its outermost ring of `BORDER_WIDTH` pixels: (n,)."""
    ring = np.ones(masks.shape[1:], dtype=bool)
    ring[BORDER_WIDTH:-BORDER_WIDTH, BORDER_WIDTH:-BORDER_WIDTH] = False
    return np.asarray(masks[:, ring].mean(axis=1, dtype=np.float64))


def entropy_bits(masks: Masks) -> NDArray[np.floating]:
    """Mean entropy per pixel of each mask (n, 32, 32), in bits: (n,). 0 for a binary mask, 1 for 0.5."""
    p = np.clip(masks.astype(np.float64), 1e-12, 1 - 1e-12)
    return np.asarray(-(p * np.log2(p) + (1 - p) * np.log2(1 - p)).mean(axis=(1, 2)))


def soft_iou(masks: Masks, true: Masks) -> float:
    """Mean intersection over union of pairs of masks (n, 32, 32) in [0, 1]: sums of minima and maxima."""
    intersection = np.minimum(masks, true).sum(axis=(1, 2), dtype=np.float64)
    union = np.maximum(masks, true).sum(axis=(1, 2), dtype=np.float64)
    return float(np.mean(intersection / union.clip(min=1e-12)))


def diversity(masks: Masks) -> float:
    """Mean of 1 - IoU over all pairs of masks (n, 32, 32), cut at 0.5: 0 when all are the same.

    Two empty masks are the same mask. Fewer than two masks: 0.
    """
    count = len(masks)
    if count < 2:
        return 0.0
    flat = (masks > 0.5).reshape(count, -1).astype(np.float32)
    intersection = (flat @ flat.T).astype(np.float64)
    area = flat.sum(axis=1, dtype=np.float64)
    union = area[:, None] + area[None, :] - intersection
    iou = np.divide(intersection, union, out=np.ones_like(union), where=union > 0)
    pairs = np.triu_indices(count, k=1)
    return float(np.mean(1 - iou[pairs]))
