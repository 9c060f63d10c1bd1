"""Shape bias on cue-conflict stimuli: the shape of one class under the texture of another.

Geirhos et al. (2019), "ImageNet-trained CNNs are biased towards texture; increasing shape bias improves
accuracy and robustness"; Table 3 of the paper.
"""

import logging
import re
from pathlib import Path
from typing import NamedTuple

import numpy as np

from cgn.errors import UserError
from cgn.io.image_folders import Skipped, class_folders, class_name, image_files
from cgn.networks.image_classifier import ImageClassifier, classify_files

log = logging.getLogger(__name__)


class Stimulus(NamedTuple):
    """An image file and the class of each of its two cues."""

    file: Path
    shape: str
    texture: str


def find_stimuli(folder: Path, classes: list[str], skipped: Skipped) -> list[Stimulus]:
    """Finds the stimuli `<shape>/<shape><n>-<texture><n>.png` in `folder`, in order of `classes`.

    Only stimuli with two different classes of `classes` count; files that are none and folders of other
    classes go to `skipped`. The log tells which of `classes` have no folder. Raises UserError when there is
    no stimulus.
    """
    found, missing = [], []
    known = {class_name(name): name for name in classes}
    folders = class_folders(folder, skipped) if folder.is_dir() else {}  # a set has notes beside its folders
    longest_first = sorted(map(re.escape, known), key=len, reverse=True)
    cue = rf"({'|'.join(longest_first)})\d+"
    stimulus_name = re.compile(f"{cue}-{cue}")
    for name, of_class in folders.items():
        if name not in known:
            for path in of_class:
                skipped.add(path, "folders of other classes")
    for plain, name in known.items():
        if plain not in folders:
            missing.append(name)
            continue
        for file in [file for path in folders[plain] for file in image_files(path, skipped)]:
            cues = stimulus_name.fullmatch(class_name(file.stem))
            if cues is None or cues[1] != plain:
                skipped.add(file, "not named <shape><n>-<texture><n>")
            elif cues[2] != plain:
                found.append(Stimulus(file, name, known[cues[2]]))
    if not found:
        raise UserError(
            f"{folder}: no cue-conflict stimuli; expected <shape>/<shape><n>-<texture><n>.png with two "
            f"different classes of {', '.join(classes)} (skipped: {skipped.summary()})"
        )
    if missing:
        log.warning("%s: no folder for the shapes %s", folder, ", ".join(missing))
    return found


def shape_bias_scores(
    classifier: ImageClassifier, folder: Path, skipped: Skipped
) -> dict[str, float | int | None]:
    """Counts how often `classifier` answers the shape's and the texture's class of the stimuli in `folder`.

    The answer is the class with the highest mean probability of its outputs. `shape_bias` = 100 *
    shape_correct / (shape_correct + texture_correct), in percent, or None if both counts are 0. `images` is
    the number of stimuli with two different classes; others are not scored. What is no stimulus goes to
    `skipped`. Raises UserError when there are no stimuli, or when one is damaged.
    """
    classes = list(classifier.cue_conflict_outputs)
    stimuli = find_stimuli(folder, classes, skipped)
    probabilities = classify_files(classifier, [stimulus.file for stimulus in stimuli], "cue conflict")
    scores = np.stack(
        [probabilities[:, outputs].mean(axis=1) for outputs in classifier.cue_conflict_outputs.values()],
        axis=1,
    )
    answers = [classes[index] for index in scores.argmax(axis=1)]
    shape_correct = sum(answer == stimulus.shape for answer, stimulus in zip(answers, stimuli, strict=True))
    texture_correct = sum(
        answer == stimulus.texture for answer, stimulus in zip(answers, stimuli, strict=True)
    )
    either = shape_correct + texture_correct
    return {
        "shape_bias": 100 * shape_correct / either if either else None,
        "shape_correct": shape_correct,
        "texture_correct": texture_correct,
        "images": len(stimuli),
    }
