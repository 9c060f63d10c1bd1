"""Shape bias on cue-conflict stimuli: the shape of one class under the texture of another.

Geirhos et al. (2019), "ImageNet-trained CNNs are biased towards texture; increasing shape bias improves
accuracy and robustness"; Table 3 of the paper.
"""

import logging
import re
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np

from cgn.errors import UserError
from cgn.io.images import image_files, log_skipped
from cgn.networks.image_classifier import ImageClassifier, classify_files

_STIMULUS_NAME = re.compile(r"([a-z_]+)\d+-([a-z_]+)\d+")

log = logging.getLogger(__name__)


class Stimulus(NamedTuple):
    """An image file and the class of each of its two cues."""

    file: Path
    shape: str
    texture: str


def find_stimuli(folder: Path, classes: list[str]) -> list[Stimulus]:
    """Finds the stimuli `<shape>/<shape><n>-<texture><n>.png` in `folder`, in order.

    Only stimuli with two different classes of `classes` count. The log tells how many other entries there
    are, and which of `classes` have no folder. Raises UserError when there is no stimulus.
    """
    found, skipped, missing = [], Counter[str](), []
    for name in classes:
        if not (folder / name).is_dir():
            missing.append(name)
            continue
        for file in image_files(folder / name, skipped):
            cues = _STIMULUS_NAME.fullmatch(file.stem)
            if cues is None or cues[1] != name or cues[2] not in classes:
                skipped["not named <shape><n>-<texture><n>"] += 1
            elif cues[2] != name:
                found.append(Stimulus(file, cues[1], cues[2]))
    if not found:
        raise UserError(
            f"{folder}: no cue-conflict stimuli; expected <shape>/<shape><n>-<texture><n>.png with two "
            f"different classes of {', '.join(classes)}"
        )
    if missing:
        log.warning("%s: no folder for the shapes %s", folder, ", ".join(missing))
    log_skipped(folder, skipped)
    return found


def shape_bias_scores(classifier: ImageClassifier, folder: Path) -> dict[str, float | int | None]:
    """Counts how often `classifier` answers the shape's and the texture's class of the stimuli in `folder`.

    The answer is the class with the highest mean probability of its outputs. `shape_bias` = 100 *
    shape_correct / (shape_correct + texture_correct), in percent, or None if both counts are 0. `images` is
    the number of stimuli with two different classes; others are not scored. Raises UserError when there are
    no stimuli, or when one is damaged.
    """
    classes = list(classifier.cue_conflict_outputs)
    stimuli = find_stimuli(folder, classes)
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
