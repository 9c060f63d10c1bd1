"""The scores of one MNIST variant: accuracies of its classifiers, and the quality of its CGN's masks."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from cgn.data.mnist.masks import real_masks, true_masks
from cgn.data.mnist.variants import VariantParams
from cgn.evaluation.mechanism_quality import as_digit_images, mechanism_quality, soft_iou
from cgn.evaluation.params import MechanismScoreParams
from cgn.generators.mnist.abduction import load_segmenter, read_masks
from cgn.generators.mnist.mechanisms import DigitCGN
from cgn.generators.mnist.stored import load_cgn
from cgn.methods.registry import METHODS
from cgn.metrics.accuracy import accuracy, confusion, predict
from cgn.networks.classifier import load_classifier
from cgn.networks.digit_cnn import DigitCNN
from cgn.seeding import indexed_normals

SPLITS = ("train", "validation", "test")
READ = 2000  # training images on which the masks of abduction are scored

Arrays = dict[str, NDArray[Any]]


def classifier_scores(
    folder: Path, arrays: Arrays, variant: str, released: bool
) -> dict[str, dict[str, Any]]:
    """Accuracies (percent) of each method's classifier in `folder` on each split, and its test confusion.

    `arrays` are the variant's images and labels by split; `released` is the form of the `DigitCNN`s.
    """
    scores: dict[str, dict[str, Any]] = {}
    for method in tqdm(METHODS, desc=f"scores of {variant}", unit="method"):
        classifier = load_classifier(folder / method, DigitCNN(0, released=released))
        predicted = {split: predict(classifier, arrays[f"{split}_images"]) for split in SPLITS}
        scores[method] = {
            f"{split}_accuracy": accuracy(predicted[split], arrays[f"{split}_labels"]) for split in SPLITS
        }
        scores[method]["confusion"] = confusion(predicted["test"], arrays["test_labels"]).tolist()
    return scores


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
