"""Shape bias on cue-conflict stimuli: the shape of one class under the texture of another.

Geirhos et al. (2019), "ImageNet-trained CNNs are biased towards texture; increasing shape bias improves
accuracy and robustness"; Table 3 of the paper.
"""

import logging
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cgn.errors import UserError
from cgn.evaluation.class_matching import labels_of_outputs
from cgn.io.image_folders import Skipped, class_folders, class_name, image_files
from cgn.networks.image_classifier import ImageClassifier, classify_files

FULL_SIZE = 224  # pixels of the published stimuli

log = logging.getLogger(__name__)


class Stimulus(NamedTuple):
    """An image file and the class of each of its two cues."""

    file: Path
    shape: str
    texture: str

    @property
    def object(self) -> tuple[str, str]:
        """The class and number of the image that lent the shape; several stimuli may show it."""
        return self.shape, class_name(self.file.stem)[len(class_name(self.shape)) :].partition("-")[0]


class CueAnswers(NamedTuple):
    """A classifier's answers to n stimuli."""

    stimuli: list[Stimulus]
    answers: list[str]

    @property
    def by_cue(self) -> NDArray[np.bool_]:
        """Whether each answer is the class of the shape, and that of the texture: (n, 2)."""
        pairs = zip(self.answers, self.stimuli, strict=True)
        return np.array([(answer == cues.shape, answer == cues.texture) for answer, cues in pairs])


def find_stimuli(folder: Path, classes: Sequence[str], skipped: Skipped) -> list[Stimulus]:
    """Finds the stimuli `<shape>/<shape><n>-<texture><n>.png` in `folder`, in order of `classes`.

    Only stimuli with two different classes of `classes` count; files that are none and folders of other
    classes go to `skipped`. The log tells which of `classes` have no folder. Raises UserError when there is
    no stimulus.
    """
    found, missing = [], []
    known = {class_name(name): name for name in classes}
    # A set has notes beside its folders, which are not counted.
    folders = class_folders(folder, Skipped()) if folder.is_dir() else {}
    for name, of_class in folders.items():
        if name not in known:
            for path in of_class:
                skipped.add(path, "folders of other classes")
    for plain, name in known.items():
        if plain not in folders:
            missing.append(name)
            continue
        for file in [file for path in folders[plain] for file in image_files(path, skipped)]:
            texture = _texture(class_name(file.stem), plain, list(known))
            if texture is None:
                skipped.add(file, "not named <shape><n>-<texture><n>")
            elif texture != plain:
                found.append(Stimulus(file, name, known[texture]))
    if not found:
        raise UserError(
            f"{folder}: no cue-conflict stimuli; expected <shape>/<shape><n>-<texture><n>.png with two "
            f"different classes of {', '.join(classes)} (skipped: {skipped.summary()})"
        )
    if missing:
        log.warning("%s: no folder for the shapes %s", folder, ", ".join(missing))
    return found


def _texture(stem: str, shape: str, classes: Sequence[str]) -> str | None:
    """The class of the texture in `<shape><n>-<texture><n>`; None for another name.

    Classes may end with digits. If a name can be read in several ways, both numbers have equal widths.
    """
    first = re.match(rf"{re.escape(shape)}(\d+)-", stem)
    if first is None:
        return None
    rest = stem[first.end() :]
    numbers = {name: rest[len(name) :] for name in classes if rest.startswith(name)}
    fitting = [name for name, number in numbers.items() if re.fullmatch(r"\d+", number)]
    if len(fitting) > 1:
        fitting = [name for name in fitting if len(numbers[name]) == len(first[1])]
    return fitting[0] if len(fitting) == 1 else None


def cue_answers(
    classifier: ImageClassifier,
    folder: Path,
    outputs: Mapping[str, Sequence[int]],
    skipped: Skipped,
    cropped: bool = False,
) -> CueAnswers:
    """The class of `outputs` with the highest mean probability, for each stimulus in `folder`.

    What is no stimulus goes to `skipped`; `cropped` is that of `classify_files`. Raises UserError when there
    are no stimuli, or when one is damaged.
    """
    classes = list(outputs)
    stimuli = find_stimuli(folder, classes, skipped)
    files = [stimulus.file for stimulus in stimuli]
    probabilities = classify_files(classifier, files, "cue conflict", cropped)
    scores = np.stack([probabilities[:, list(chosen)].mean(axis=1) for chosen in outputs.values()], axis=1)
    return CueAnswers(stimuli, [classes[index] for index in scores.argmax(axis=1)])


def shape_bias_scores(classifier: ImageClassifier, folder: Path, skipped: Skipped) -> dict[str, Any]:
    """Counts how often `classifier` answers the shape's and the texture's class of the stimuli in `folder`.

    `shape_bias` = 100 * shape_correct / (shape_correct + texture_correct), in percent, or None if both counts
    are 0. `images` is the number of stimuli with two different classes; others are not scored. Classes are
    the classifier's, or the folder's if more of them are found by name.

    A classifier of images of 224 pixels also gets `resize_and_crop`, the same under a second protocol, that
    of the CGN paper's released code: images are resized to 256 pixels, and 224 in the middle are cut.

    Raises UserError as `cue_answers`, and when the classifier knows no class of the folder.
    """
    outputs = classifier.cue_conflict_outputs
    own = class_folders(folder, Skipped()) if folder.is_dir() else {}
    exact = own.keys() & {class_name(name) for name in outputs}
    if len(exact) < len(own) and (classifier.names or not exact):
        classes = sorted(own)
        labels = labels_of_outputs(classifier, classes)
        by_name = {name: np.flatnonzero(labels == place).tolist() for place, name in enumerate(classes)}
        found = {name: chosen for name, chosen in by_name.items() if chosen}
        outputs = found if len(found) > len(exact) else outputs
    scores = _counted(cue_answers(classifier, folder, outputs, skipped))
    if classifier.resolution == FULL_SIZE:
        second = _counted(cue_answers(classifier, folder, outputs, Skipped(), cropped=True))
        scores["resize_and_crop"] = {name: value for name, value in second.items() if name != "images"}
    return scores


def _counted(answers: CueAnswers) -> dict[str, Any]:
    shape_correct, texture_correct = (int(count) for count in answers.by_cue.sum(axis=0))
    either = shape_correct + texture_correct
    return {
        "shape_bias": 100 * shape_correct / either if either else None,
        "shape_correct": shape_correct,
        "texture_correct": texture_correct,
        "images": len(answers.stimuli),
    }
