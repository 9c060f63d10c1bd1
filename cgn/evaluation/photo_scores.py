"""The scores of a classifier on photos, and on the test sets that are made of their factors."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cgn.errors import UserError
from cgn.evaluation.background_gap import Answers, find_variants, in9_answers
from cgn.evaluation.class_matching import labels_of_outputs
from cgn.evaluation.intervals import GAP, Score, in9_intervals, percent, score, shape_bias_intervals
from cgn.evaluation.shape_bias import CueAnswers, cue_answers
from cgn.generators.photos.factors import Factors
from cgn.io.image_folders import Skipped
from cgn.networks.image_classifier import ImageClassifier

_BATCH = 16  # photos at once


class SetAnswers(NamedTuple):
    """A classifier's answers to both sets, and the classes that these have."""

    classes: list[str]
    in9: dict[str, Answers]
    cue_conflict: CueAnswers


def answers_on_sets(
    classifier: ImageClassifier, folder: Path, classes: Sequence[str], mapped: Mapping[str, str] | None = None
) -> SetAnswers:
    """The answers to the sets `in9` and `cue_conflict` in `folder`; `mapped` is as in `labels_of_outputs`."""
    with_objects = [name for name in classes if (folder / "in9" / GAP[0] / "val" / name).is_dir()]
    of_sets = labels_of_outputs(classifier, with_objects, _only(mapped, with_objects))
    skipped = Skipped()  # only the tables of metadata
    answers = in9_answers(classifier, find_variants(folder / "in9", skipped, with_objects), of_sets)
    outputs = {name: np.flatnonzero(of_sets == place).tolist() for place, name in enumerate(with_objects)}
    stimuli = cue_answers(classifier, folder / "cue_conflict", outputs, skipped)
    return SetAnswers(with_objects, answers, stimuli)


def scores_of(
    classifier: ImageClassifier,
    factors: Factors,
    classes: Sequence[str],
    labels: NDArray[np.int64],
    found: SetAnswers,
    seed: int,
) -> dict[str, Any]:
    """The scores on all photos (`top1`), and on the sets `in9` and `cue_conflict`, overall and by class."""
    return {
        "top1": photo_scores(classifier, factors, classes, labels, seed),
        "in9": in9_intervals(found.in9, found.classes, seed),
        "cue_conflict": shape_bias_intervals(found.cue_conflict, seed),
    }


def _only(mapped: Mapping[str, str] | None, classes: Sequence[str]) -> dict[str, str] | None:
    return None if mapped is None else {key: name for key, name in mapped.items() if name in classes}


def photo_scores(
    classifier: ImageClassifier,
    factors: Factors,
    classes: Sequence[str],
    labels: NDArray[np.int64],
    seed: int,
) -> Score:
    """The accuracy on all photos, usable objects or not: `overall` and `by_class`.

    Raises UserError when the photos have another size than the classifier takes.
    """
    size = factors.images.shape[1]
    if size != classifier.resolution:
        raise UserError(
            f"photos of {size} pixels, for a classifier of {classifier.resolution}: resize the photos"
        )
    parts = [
        classifier.probabilities(factors.images[start : start + _BATCH]).argmax(axis=1)
        for start in range(0, len(factors.images), _BATCH)
    ]
    right = labels[np.concatenate(parts)] == factors.labels
    return {
        "overall": score([right], percent, seed, "top1"),
        "by_class": {
            name: score([right[factors.labels == label]], percent, seed, "top1", name)
            for label, name in enumerate(classes)
            if (factors.labels == label).any()
        },
    }
