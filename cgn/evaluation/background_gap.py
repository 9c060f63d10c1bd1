"""Accuracy on the variants of ImageNet-9, and the background gap.

Xiao et al. (2021), "Noise or Signal: the role of image backgrounds in object recognition"; Table 4 of the
paper. BG-Gap = Mixed-Same - Mixed-Rand, the loss of accuracy by backgrounds of random classes.
"""

import logging
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cgn.data.class_maps import IN9_CLASSES, IN9_VARIANTS
from cgn.errors import UserError
from cgn.evaluation.class_matching import labels_of_outputs, listed
from cgn.io.image_folders import Skipped, class_folders, class_name, image_files
from cgn.networks.image_classifier import ImageClassifier, classify_files

log = logging.getLogger(__name__)


class LabelledFile(NamedTuple):
    """An image file and the position of its class in the list of classes; for IN-9, 0 to 8."""

    file: Path
    label: int


class Answers(NamedTuple):
    """A classifier's answers to n images of one variant."""

    files: list[LabelledFile]
    outputs: NDArray[np.int64]  # (n,), the most probable output
    predicted: NDArray[np.int64]  # (n,), its class, -1 if it has none
    probabilities: NDArray[np.float32]  # (n, classes), the sum over the outputs of each class

    @property
    def right(self) -> NDArray[np.bool_]:
        """Whether each answer is the image's class (n,)."""
        labels = np.array([entry.label for entry in self.files])
        return np.asarray(self.predicted == labels)


def set_classes(folder: Path) -> list[str]:
    """The classes of a set: IN-9's if a folder has a published name, else the names of the class folders."""
    places = [folder / variant / "val" for variant in IN9_VARIANTS]
    found = {name for place in places if place.is_dir() for name in class_folders(place, Skipped())}
    published = {f"{label:02d}_{name}" for label, name in enumerate(IN9_CLASSES)}
    if not found or any(name.replace(" ", "_") in published for name in found):
        return list(IN9_CLASSES)
    return sorted(found)


def find_variants(
    folder: Path, skipped: Skipped, classes: Sequence[str] = IN9_CLASSES
) -> dict[str, list[LabelledFile]]:
    """Finds the images `<variant>/val/<class>/*` of each variant in `folder`, in order.

    A class folder may have the published form, as 00_dog. Folders and files that belong to none of these go
    to `skipped`; the log names variants and classes without images. Raises UserError when there are no images
    at all.
    """
    _skip_others(folder, IN9_VARIANTS, "folders of no variant", skipped)
    found = {variant: _variant_files(folder / variant, classes, skipped) for variant in IN9_VARIANTS}
    present = {variant: files for variant, files in found.items() if files}
    if not present:
        expected = "00_dog .. 08_fish" if tuple(classes) == IN9_CLASSES else "class"
        raise UserError(
            f"{folder}: no IN-9 images; expected <variant>/val/<{expected}>/*.JPEG with a variant of "
            f"{', '.join(IN9_VARIANTS)} (skipped: {skipped.summary()})"
        )
    if missing := [variant for variant in IN9_VARIANTS if variant not in present]:
        log.warning("%s: without images, not scored: %s", folder, ", ".join(missing))
    for variant, files in present.items():
        labels = {entry.label for entry in files}
        if absent := [name for label, name in enumerate(classes) if label not in labels]:
            log.warning("%s: no images of %s", folder / variant, ", ".join(absent))
    return present


def _variant_files(folder: Path, classes: Sequence[str], skipped: Skipped) -> list[LabelledFile]:
    _skip_others(folder, ["val"], "folders beside val", skipped)
    if not (folder / "val").is_dir():
        return []
    # The published folders have numbers, and some have spaces: "02_wheeled vehicle".
    published = {f"{label:02d}_{name}": label for label, name in enumerate(classes)}
    labels = {class_name(name): label for label, name in enumerate(classes)}
    found = []
    for name, paths in class_folders(folder / "val", skipped).items():
        label = labels.get(name, published.get(name.replace(" ", "_")))
        for path in paths:
            if label is None:
                skipped.add(path, "folders of no class")
            else:
                found += [LabelledFile(file, label) for file in image_files(path, skipped)]
    return found


def _skip_others(folder: Path, known: Collection[str], reason: str, skipped: Skipped) -> None:
    # A set has notes beside its folders, which are not counted.
    for name, paths in class_folders(folder, Skipped()).items() if folder.is_dir() else ():
        if name not in known:
            for path in paths:
                skipped.add(path, reason)


def in9_answers(
    classifier: ImageClassifier, variants: Mapping[str, list[LabelledFile]], labels: NDArray[np.int64]
) -> dict[str, Answers]:
    """The answers to all `variants`; `labels` (outputs,) is the class of each output, or -1.

    Raises UserError when an image is damaged.
    """
    classes = np.arange(labels.max() + 1)
    means = (labels[:, None] == classes).astype(np.float32)  # (outputs, classes)
    answers = {}
    for variant, files in variants.items():
        probabilities = classify_files(classifier, [entry.file for entry in files], variant)
        outputs = probabilities.argmax(axis=1)
        answers[variant] = Answers(files, outputs, labels[outputs], probabilities @ means)
    return answers


def in9_scores(classifier: ImageClassifier, folder: Path, skipped: Skipped) -> dict[str, Any]:
    """The accuracy of `classifier` on each IN-9 variant in `folder`, in percent.

    The answer is the class of the most probable output; an output without class is wrong. `bg_gap`, in
    points, is returned if both of its variants are there; `images` has the number of images of each variant.
    What is no image of a variant goes to `skipped`. Raises UserError when there are no images, when one is
    damaged, or when `classifier` knows none of the classes.
    """
    classes = set_classes(folder)
    published = tuple(classes) == IN9_CLASSES
    labels = classifier.in9_classes if published else labels_of_outputs(classifier, classes)
    unknown = [name for label, name in enumerate(classes) if label not in labels]
    if len(unknown) == len(classes):
        own = list(classifier.cue_conflict_outputs)
        raise UserError(
            f"--model: its classes are {listed(own)}; {'IN-9' if published else folder} needs classes of"
            f" these names: {', '.join(classes)}"
        )
    if unknown:
        log.warning("a classifier without %s: their images count as wrong", ", ".join(unknown))
    answers = in9_answers(classifier, find_variants(folder, skipped, classes), labels)
    scores: dict[str, Any] = {variant: float(found.right.mean() * 100) for variant, found in answers.items()}
    if {"mixed_same", "mixed_rand"} <= scores.keys():
        scores["bg_gap"] = scores["mixed_same"] - scores["mixed_rand"]
    scores["images"] = {variant: len(found.files) for variant, found in answers.items()}
    return scores
