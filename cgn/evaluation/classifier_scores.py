"""The accuracies of the classifiers of one MNIST variant."""

from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from tqdm import tqdm

from cgn.methods.registry import METHODS
from cgn.metrics.accuracy import accuracy, confusion, predict
from cgn.networks.classifier import load_classifier
from cgn.networks.digit_cnn import DigitCNN

SPLITS = ("train", "validation", "test")

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
