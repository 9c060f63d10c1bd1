"""Accuracy on the variants of ImageNet-9, and the background gap.

Xiao et al. (2021), "Noise or Signal: the role of image backgrounds in object recognition"; Table 4 of the
paper. BG-Gap = Mixed-Same - Mixed-Rand, the loss of accuracy by backgrounds of random classes.
"""

import logging
from collections.abc import Collection
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from cgn.data.class_maps import IN9_CLASSES, IN9_VARIANTS
from cgn.errors import UserError
from cgn.io.image_folders import Skipped, class_folders, image_files
from cgn.metrics.accuracy import accuracy
from cgn.networks.image_classifier import ImageClassifier, classify_files

log = logging.getLogger(__name__)


class LabelledFile(NamedTuple):
    """An image file and its IN-9 class, 0 to 8."""

    file: Path
    label: int


def find_variants(folder: Path, skipped: Skipped) -> dict[str, list[LabelledFile]]:
    """Finds the images `<variant>/val/<00_dog .. 08_fish>/*` of each variant in `folder`, in order.

    Folders and files that belong to none of these go to `skipped`; the log names variants and classes without
    images. Raises UserError when there are no images at all.
    """
    _skip_others(folder, IN9_VARIANTS, "folders of no variant", skipped)
    found = {variant: _variant_files(folder / variant, skipped) for variant in IN9_VARIANTS}
    present = {variant: files for variant, files in found.items() if files}
    if not present:
        raise UserError(
            f"{folder}: no IN-9 images; expected <variant>/val/<00_dog .. 08_fish>/*.JPEG with a variant of "
            f"{', '.join(IN9_VARIANTS)} (skipped: {skipped.summary()})"
        )
    if missing := [variant for variant in IN9_VARIANTS if variant not in present]:
        log.warning("%s: without images, not scored: %s", folder, ", ".join(missing))
    for variant, files in present.items():
        labels = {entry.label for entry in files}
        if absent := [name for label, name in enumerate(IN9_CLASSES) if label not in labels]:
            log.warning("%s: no images of %s", folder / variant, ", ".join(absent))
    return present


def _variant_files(folder: Path, skipped: Skipped) -> list[LabelledFile]:
    _skip_others(folder, ["val"], "folders beside val", skipped)
    if not (folder / "val").is_dir():
        return []
    labels = {f"{label:02d}_{name}": label for label, name in enumerate(IN9_CLASSES)}
    found = []
    for name, paths in class_folders(folder / "val", skipped).items():
        label = labels.get(name.replace(" ", "_"))  # the published folders have spaces: "02_wheeled vehicle"
        for path in paths:
            if label is None:
                skipped.add(path, "folders of no class")
            else:
                found += [LabelledFile(file, label) for file in image_files(path, skipped)]
    return found


def _skip_others(folder: Path, known: Collection[str], reason: str, skipped: Skipped) -> None:
    for name, paths in class_folders(folder, skipped).items() if folder.is_dir() else ():
        if name not in known:
            for path in paths:
                skipped.add(path, reason)


def in9_scores(classifier: ImageClassifier, folder: Path, skipped: Skipped) -> dict[str, Any]:
    """The accuracy of `classifier` on each IN-9 variant in `folder`, in percent.

    The answer is the IN-9 class of the most probable output; an output without IN-9 class is wrong. `bg_gap`,
    in points, is returned if both of its variants are there; `images` has the number of images of each
    variant. What is no image of a variant goes to `skipped`. Raises UserError when there are no images, when
    one is damaged, or when `classifier` knows none
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
    variants = find_variants(folder, skipped)
    scores: dict[str, Any] = {}
    for variant, files in variants.items():
        probabilities = classify_files(classifier, [entry.file for entry in files], variant)
        answers = classifier.in9_classes[probabilities.argmax(axis=1)]
        scores[variant] = accuracy(answers, np.array([entry.label for entry in files]))
    if {"mixed_same", "mixed_rand"} <= scores.keys():
        scores["bg_gap"] = scores["mixed_same"] - scores["mixed_rand"]
    scores["images"] = {variant: len(files) for variant, files in variants.items()}
    return scores
