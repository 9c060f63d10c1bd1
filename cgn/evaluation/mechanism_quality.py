"""Scores of the shape mechanism: whether masks are digits of their class, and how varied they are.

Masks can fail in three ways that no loss shows: they are inverted (frame white, digit black), classes merge,
or all noise gives the same digit. A classifier trained on real digits reads the masks. The border reveals
inverted masks, because real digits are black there. The overlap of pairs of masks measures diversity. The
paper has no such scores; they follow an observation of the ReScience C reproduction (doi
10.5281/zenodo.6574635).
"""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from cgn.data.mnist.masks import real_masks, true_masks
from cgn.data.mnist.variants import VariantParams
from cgn.evaluation.params import MechanismScoreParams
from cgn.generators.mnist.abduction import load_segmenter, read_masks
from cgn.generators.mnist.mechanisms import DigitCGN
from cgn.generators.mnist.stored import load_cgn
from cgn.metrics.accuracy import Predictor, accuracy, predict
from cgn.networks.classifier import load_classifier
from cgn.networks.digit_cnn import DigitCNN
from cgn.seeding import indexed_normals

CLASSES = 10
READ = 2000  # training images on which the masks of abduction are scored
BORDER_WIDTH = 2  # pixels
INVERTED_ABOVE = 0.5  # a mask with a larger mean on the border is inverted

Masks = NDArray[np.floating]
Arrays = dict[str, NDArray[Any]]


def mechanism_scores(
    models: Path,  # with cgn/<variant>, segmenter/<variant> and digit_classifier
    digits: Arrays,
    arrays: Arrays,  # of the variant
    variant: str,
    own: VariantParams,
    params: MechanismScoreParams,
    released: bool,  # the form of the digit classifier
    seed: int,
) -> dict[str, Any]:
    """The scores of `mechanism_quality` for the CGN of `variant`, with two more scores.

    `digit_classifier_accuracy` (percent) is that of the mask reader on real test digits. `abduction_iou` (0
    to 1) compares the masks that the segmenter predicts for training images with the true ones.
    """
    reader = load_classifier(models / "digit_classifier", DigitCNN(0, 1, released))
    scores = mask_scores(load_cgn(models / "cgn" / variant), reader, digits, variant, params, seed)
    segmenter = load_segmenter(models / "segmenter" / variant)
    read = read_masks(segmenter, arrays["train_images"][:READ]).astype(np.float32) / 255
    iou = soft_iou(read, true_masks(digits["train_images"][:READ], own))
    return {**scores, "abduction_iou": iou}


def mask_scores(
    cgn: DigitCGN, reader: DigitCNN, digits: Arrays, variant: str, params: MechanismScoreParams, seed: int
) -> dict[str, Any]:
    """The scores of `mechanism_quality` for a CGN of `variant`, and `digit_classifier_accuracy`."""
    test_masks = real_masks(digits["test_images"], params.binarize_threshold).astype(np.float32)
    reader_accuracy = accuracy(predict(reader, as_digit_images(test_masks)), digits["test_labels"])

    count, masks, real = params.masks_per_class, [], []
    for digit in range(10):
        noise = indexed_normals(seed, f"mechanism_score/{variant}/{digit}", 0, count, cgn.noise_dimensions)
        with torch.no_grad():
            drawn = cgn.mechanisms["shape"](torch.full((count,), digit), torch.from_numpy(noise))
        masks.append(drawn[:, 0].numpy())
        real.append(test_masks[digits["test_labels"] == digit][:count])
    scores = mechanism_quality(np.stack(masks), real, reader, params.read_share)
    return {**scores, "digit_classifier_accuracy": reader_accuracy}


class ClassQuality(NamedTuple):
    """The scores of one class. Accuracy and inverted share in percent, entropy in bits, others in [0, 1]."""

    digit_accuracy: float
    border_mean: float
    inverted_masks: float
    mask_mean: float
    mask_entropy: float
    diversity: float
    healthy: bool


def class_quality(masks: Masks, digit: int, reader: Predictor, read_share: float) -> ClassQuality:
    """Scores masks (n, 32, 32) in [0, 1] of class `digit` with the digit classifier `reader`.

    The class is healthy if at least the share `read_share` is read as `digit` and the mean of the border is
    below 0.5.
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
    """Scores masks (10, n, 32, 32) in [0, 1], index = class; returns JSON values.

    `real_masks` are real digits of each class (m, 32, 32), for `real_diversity`. Accuracies and
    `inverted_masks` are in percent, `mask_entropy` in bits per pixel, `mask_mean` and diversities in [0, 1].
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
    """Converts masks (n, 32, 32) in [0, 1] to grey images uint8 (n, 32, 32, 1)."""
    return np.rint(np.clip(masks, 0, 1) * 255).astype(np.uint8)[..., None]


def border_means(masks: Masks) -> NDArray[np.floating]:
    """The mean (n,) of each mask (n, 32, 32) over its outermost `BORDER_WIDTH` pixels."""
    ring = np.ones(masks.shape[1:], dtype=bool)
    ring[BORDER_WIDTH:-BORDER_WIDTH, BORDER_WIDTH:-BORDER_WIDTH] = False
    return np.asarray(masks[:, ring].mean(axis=1, dtype=np.float64))


def entropy_bits(masks: Masks) -> NDArray[np.floating]:
    """The mean entropy per pixel (n,) of each mask (n, 32, 32), in bits: 0 for a binary mask, 1 for 0.5."""
    p = np.clip(masks.astype(np.float64), 1e-12, 1 - 1e-12)
    return np.asarray(-(p * np.log2(p) + (1 - p) * np.log2(1 - p)).mean(axis=(1, 2)))


def soft_iou(masks: Masks, true: Masks) -> float:
    """The mean over n pairs of masks (n, 32, 32) in [0, 1] of sum of minima / sum of maxima, a soft IoU."""
    intersection = np.minimum(masks, true).sum(axis=(1, 2), dtype=np.float64)
    union = np.maximum(masks, true).sum(axis=(1, 2), dtype=np.float64)
    return float(np.mean(intersection / union.clip(min=1e-12)))


def diversity(masks: Masks) -> float:
    """The mean of 1 - IoU over all pairs of masks (n, 32, 32), cut at 0.5; 0 if all are equal.

    Two empty masks are equal. Fewer than two masks have a diversity of 0.
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
