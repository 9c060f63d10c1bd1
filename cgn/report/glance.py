"""The first picture of README and page: training images, counterfactuals, and who falls for the shortcut."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cgn.io.arrays import read_arrays
from cgn.io.shards import read_images, shard_paths
from cgn.metrics.accuracy import predict
from cgn.networks.classifier import load_classifier
from cgn.networks.digit_cnn import DigitCNN
from cgn.report.contact_sheets import arrange, contact_sheet
from cgn.report.figures import CLASSES, images_by_class
from cgn.report.names import METHOD_TITLES

VARIANT = "double_colored_mnist"
METHODS = ("original", "cgn")
COUNTERFACTUALS = 1000  # read: enough for every class
SCALE = 2
WRONG, RIGHT = (193, 39, 45), (46, 125, 50)

Images = NDArray[np.uint8]


def glance_of_run(data: Path, models: Path, released: bool) -> Images:
    """The picture of `VARIANT`: of each class the first images, none of them chosen.

    `data` and `models` are MNIST's folders, `released` is the form of the classifiers. Raises UserError when
    a file is missing or damaged.
    """
    splits = read_arrays(data / "variants" / f"{VARIANT}.safetensors")
    shards = data / "shards" / VARIANT / "counterfactuals"
    counterfactuals, labels = read_images(shard_paths(shards), COUNTERFACTUALS)
    test = images_by_class(splits["test_images"], splits["test_labels"], 1)[:, 0]
    answers = {}
    for method in METHODS:
        network = DigitCNN(0, released=released)
        classifier = load_classifier(models / "classifiers" / VARIANT / method, network)
        answers[METHOD_TITLES[method]] = predict(classifier, test)
    return glance(splits, counterfactuals, labels["shape"], answers)


def glance(
    splits: Mapping[str, NDArray[Any]],
    counterfactuals: Images,
    shape_labels: NDArray[np.integer],
    answers: Mapping[str, NDArray[np.integer]],
) -> Images:
    """A column for each class, with a training image, a counterfactual and a test image, as uint8 (H, W, 4).

    `splits` and `counterfactuals` are those of `cgn.report.figures.figure_3`. `answers` has for each
    classifier, by title, the class (10,) that it says of the first test image of each class: a row of numbers
    each, green where it is the class of the digit and red elsewhere.
    """
    rows = {
        "training: the colours tell the class": (splits["train_images"], splits["train_labels"]),
        "counterfactuals: any digit in any colours": (counterfactuals, shape_labels),
        "test: the colours are random": (splits["test_images"], splits["test_labels"]),
    }
    images = [images_by_class(*of, 1)[:, 0].repeat(SCALE, 1).repeat(SCALE, 2) for of in rows.values()]
    side = images[0].shape[1]
    said = [_numbers(answer, side) for answer in answers.values()]
    names = [*rows, *(f"{title} says" for title in answers)]
    return arrange([[contact_sheet(np.stack([*images, *said]), names, scale=1)]])


def _numbers(answer: NDArray[np.integer], side: int) -> Images:
    """White numbers on red or green, uint8 (10, side, side, 3)."""
    from PIL import Image, ImageDraw, ImageFont

    cells = np.empty((CLASSES, side, side, 3), dtype=np.uint8)
    for label, said in enumerate(answer):
        cell = Image.new("RGB", (side, side), RIGHT if said == label else WRONG)
        middle, font = (side // 2, side // 2), ImageFont.load_default(side * 5 // 8)
        ImageDraw.Draw(cell).text(middle, str(said), fill="white", font=font, anchor="mm")
        cells[label] = np.asarray(cell)
    return cells
