"""Accuracy on the variants of ImageNet-9, and the background gap.

Xiao et al. (2021), "Noise or Signal: the role of image backgrounds in object recognition"; Table 4 of the
paper. BG-Gap = Mixed-Same - Mixed-Rand, the loss of accuracy by backgrounds of random classes.
"""

import logging
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from cgn.data.class_maps import IN9_CLASSES, IN9_VARIANTS
from cgn.errors import UserError
from cgn.io.images import image_files, log_skipped
from cgn.metrics.accuracy import accuracy
from cgn.networks.image_classifier import ImageClassifier, classify_files

log = logging.getLogger(__name__)


class LabelledFile(NamedTuple):
    """An image file and its IN-9 class, 0 to 8."""

    file: Path
    label: int


def find_variants(folder: Path) -> dict[str, list[LabelledFile]]:
    """Finds the images `<variant>/val/<00_dog .. 08_fish>/*` of each variant in `folder`, in order.

    Other entries are ignored; the log names variants and classes without images. Raises UserError when there
    are no images at all.
    """
    skipped = Counter[str]()
    found = {variant: _variant_files(folder / variant / "val", skipped) for variant in IN9_VARIANTS}
    log_skipped(folder, skipped)
    present = {variant: files for variant, files in found.items() if files}
    if not present:
        raise UserError(
            f"{folder}: no IN-9 images; expected <variant>/val/<00_dog .. 08_fish>/*.JPEG with a variant of "
            f"{', '.join(IN9_VARIANTS)}"
        )
    if missing := [variant for variant in IN9_VARIANTS if variant not in present]:
        log.warning("%s: without images, not scored: %s", folder, ", ".join(missing))
    for variant, files in present.items():
        labels = {entry.label for entry in files}
        if absent := [name for label, name in enumerate(IN9_CLASSES) if label not in labels]:
            log.warning("%s: no images of %s", folder / variant, ", ".join(absent))
    return present


def _variant_files(folder: Path, skipped: Counter[str]) -> list[LabelledFile]:
    if not folder.is_dir():
        return []
    labels = {f"{label:02d}_{name}": label for label, name in enumerate(IN9_CLASSES)}
    return [
        LabelledFile(file, label)
        for class_folder in sorted(folder.iterdir())
        # The published folders have spaces: "02_wheeled vehicle".
        if (label := labels.get(class_folder.name.replace(" ", "_"))) is not None and class_folder.is_dir()
        for file in image_files(class_folder, skipped)
    ]


def in9_scores(classifier: ImageClassifier, folder: Path) -> dict[str, Any]:
    """The accuracy of `classifier` on each IN-9 variant in `folder`, in percent.

    The answer is the IN-9 class of the most probable output; an output without IN-9 class is wrong. `bg_gap`,
    in points, is returned if both of its variants are there; `images` has the number of images of each
    variant. Raises UserError when there are no images, when one is damaged, or when `classifier` knows none
    of the classes.
    """
    unknown = [name for label, name in enumerate(IN9_CLASSES) if label not in classifier.in9_classes]
    if len(unknown) == len(IN9_CLASSES):
        own = list(classifier.cue_conflict_outputs)
        raise UserError(
            f"--model: its classes are {', '.join(own[:9])}{', ...' * (len(own) > 9)}; IN-9 needs classes"
            f" of these names: {', '.join(IN9_CLASSES)}"
        )
    if unknown:
        log.warning("a classifier without %s: their images count as wrong", ", ".join(unknown))
    variants = find_variants(folder)
    scores: dict[str, Any] = {}
    for variant, files in variants.items():
        probabilities = classify_files(classifier, [entry.file for entry in files], variant)
        answers = classifier.in9_classes[probabilities.argmax(axis=1)]
        scores[variant] = accuracy(answers, np.array([entry.label for entry in files]))
    if {"mixed_same", "mixed_rand"} <= scores.keys():
        scores["bg_gap"] = scores["mixed_same"] - scores["mixed_rand"]
    scores["images"] = {variant: len(files) for variant, files in variants.items()}
    return scores
