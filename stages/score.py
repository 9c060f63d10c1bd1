"""Stage `score`: the accuracies of all methods on one variant, and whether its CGN's masks are digits."""

import logging
from pathlib import Path
from typing import Any

from stages.command import run, section

SPLITS = ("train", "validation", "test")
READ = 2000  # training images whose masks, as abduction reads them, are scored

_log = logging.getLogger(__name__)


def main(variant: str) -> None:
    """Score every method of VARIANT on its biased train and validation and its random-cue test images, and
    the masks of its CGN with the digit classifier."""
    seed = section("seed")
    section("threads")
    mechanism_score = section("mnist.mechanism_score")
    variant_params = section(f"mnist.variants.{variant}")
    threshold = section("mnist.variants.double_colored_mnist.binarize_threshold")

    from cgn.io.files import write_json

    folder = Path(f"scores/mnist/{variant}")
    classifiers = _classifier_scores(variant)
    mechanisms = _mechanism_scores(variant, seed, mechanism_score, variant_params, threshold)
    write_json(folder / "classifiers.json", classifiers)
    write_json(folder / "mechanisms.json", mechanisms)
    _log.info("%s: %s of 10 classes healthy; the scores are in %s", variant, mechanisms["healthy_classes"],
              folder)  # fmt: skip


def _classifier_scores(variant: str) -> dict[str, dict[str, Any]]:
    """Accuracies (percent) of each method on each split, and its confusion on the test images."""
    from tqdm import tqdm

    from cgn.io.arrays import read_arrays
    from cgn.metrics.accuracy import accuracy, confusion, predict
    from cgn.networks.digit_cnn import DigitCNN
    from cgn.networks.stored_classifier import load_classifier
    from cgn.report.names import METHODS

    arrays = read_arrays(Path(f"data/mnist/variants/{variant}.safetensors"))
    scores: dict[str, dict[str, Any]] = {}
    for method in tqdm(METHODS, desc=f"scores of {variant}", unit="method"):
        classifier = load_classifier(Path(f"models/mnist/classifiers/{variant}/{method}"), DigitCNN(0))
        predicted = {split: predict(classifier, arrays[f"{split}_images"]) for split in SPLITS}
        scores[method] = {
            f"{split}_accuracy": accuracy(predicted[split], arrays[f"{split}_labels"]) for split in SPLITS
        }
        scores[method]["confusion"] = confusion(predicted["test"], arrays["test_labels"]).tolist()
    return scores


def _mechanism_scores(
    variant: str, seed: int, params: Any, variant_params: Any, threshold: float
) -> dict[str, Any]:
    """Are the masks of the CGN read as their label, whole and varied? And how well are real digits read?"""
    import numpy as np
    import torch

    from cgn.data.mnist.masks import real_masks, true_masks
    from cgn.evaluation.mechanism_quality import as_digit_images, mechanism_quality, soft_iou
    from cgn.generators.mnist.abduction import load_segmenter, read_masks
    from cgn.generators.mnist.stored import load_cgn
    from cgn.io.arrays import read_arrays
    from cgn.metrics.accuracy import accuracy, predict
    from cgn.networks.digit_cnn import DigitCNN
    from cgn.networks.stored_classifier import load_classifier
    from cgn.seeding import indexed_normals

    digits = read_arrays(Path("data/mnist/digits.safetensors"))
    reader = load_classifier(Path("models/mnist/digit_classifier"), DigitCNN(0, channels=1))
    cgn = load_cgn(Path(f"models/mnist/cgn/{variant}"))

    # The digit classifier's own accuracy, on digits it has not seen.
    test_masks = real_masks(digits["test_images"], threshold).astype(np.float32)
    reader_accuracy = accuracy(predict(reader, as_digit_images(test_masks)), digits["test_labels"])

    # As many masks and as many real digits of each class.
    count, masks, real = params.masks_per_class, [], []
    for digit in range(10):
        noise = indexed_normals(seed, f"mechanism_score/{variant}/{digit}", 0, count, cgn.noise_dimensions)
        with torch.no_grad():
            drawn = cgn.shape(torch.full((count,), digit), torch.from_numpy(noise))
        masks.append(drawn[:, 0].numpy())
        real.append(test_masks[digits["test_labels"] == digit][:count])
    scores = mechanism_quality(np.stack(masks), real, reader, params.read_share)

    # The masks that abduction reads off real images.
    images = read_arrays(Path(f"data/mnist/variants/{variant}.safetensors"))["train_images"][:READ]
    read = (
        read_masks(load_segmenter(Path(f"models/mnist/segmenter/{variant}")), images).astype(np.float32) / 255
    )
    iou = soft_iou(read, true_masks(digits["train_images"][:READ], variant_params))
    return {**scores, "digit_classifier_accuracy": reader_accuracy, "abduction_iou": iou}


if __name__ == "__main__":
    run(main)
