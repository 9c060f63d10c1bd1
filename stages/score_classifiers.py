"""Stage `score_classifiers`: the accuracies and confusions of all methods on one variant."""

import logging
from pathlib import Path

from stages.command import run, section

METHODS = ("original", "gan", "irm_2", "irm_5", "lntl", "cgn", "cgn_only", "oracle")
SPLITS = ("train", "validation", "test")

_log = logging.getLogger(__name__)


def main(variant: str) -> None:
    """Score every method of VARIANT on its biased train and validation and its random-cue test images."""
    section("threads")

    from tqdm import tqdm

    from cgn.arrays import read_arrays
    from cgn.classifiers.trained import load_classifier
    from cgn.evaluation.accuracy import accuracy, confusion, predict
    from cgn.files import write_json

    arrays = read_arrays(Path(f"data/mnist/variants/{variant}.safetensors"))
    scores: dict[str, dict[str, object]] = {}
    for method in tqdm(METHODS, desc=f"scores of {variant}", unit="method"):
        classifier = load_classifier(Path(f"models/mnist/classifiers/{variant}/{method}"))
        predicted = {split: predict(classifier, arrays[f"{split}_images"]) for split in SPLITS}
        scores[method] = {
            f"{split}_accuracy": accuracy(predicted[split], arrays[f"{split}_labels"]) for split in SPLITS
        }
        scores[method]["confusion"] = confusion(predicted["test"], arrays["test_labels"]).tolist()
    output = Path(f"scores/mnist/{variant}/classifiers.json")
    write_json(output, scores)
    _log.info("the scores of %s are in %s", variant, output)


if __name__ == "__main__":
    run(main)
