"""The audit of a classifier: how much it leans on the backgrounds and on the textures of photos.

The photos' abducted factors make an IN-9-like and a cue-conflict-like set (see
`cgn.generators.photos.test_sets`), which the classifier answers.
"""

import csv
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cgn.errors import UserError
from cgn.evaluation.background_gap import Answers
from cgn.evaluation.class_matching import labels_of_outputs, read_class_map, require_all
from cgn.evaluation.intervals import GAP, Score, percent, score
from cgn.evaluation.photo_scores import answers_on_sets, scores_of
from cgn.generators.params import PatchParams
from cgn.generators.photos.factors import Factors
from cgn.generators.photos.test_sets import METADATA, write_cue_conflict_set, write_in9_set
from cgn.io.assets import Asset
from cgn.networks.image_classifier import ImageClassifier
from cgn.networks.user_models import load_user_classifiers

FLIPS = 12

log = logging.getLogger(__name__)


class Flip(NamedTuple):
    """An object that is recognised on a background of its class, and not on one of another class."""

    class_name: str
    background_class: str
    photo: str
    answer: str  # to mixed_rand
    probability_same: float  # of the object's class, in percent
    probability_rand: float
    files: dict[str, str]  # by variant, below the folder of the set


class Audited(NamedTuple):
    """A classifier, its name, and the class of each of its outputs."""

    name: str
    classifier: ImageClassifier
    labels: NDArray[np.int64]  # (outputs,), from `labels_of_outputs`
    mapped: Mapping[str, str] | None  # the user's table of outputs and classes


def audited(
    model: str, resnet50s: Mapping[str, Asset], classes: Sequence[str], table: Path | None
) -> Audited:
    """Loads MODEL (see `cgn.networks.user_models`) and matches it to `classes`.

    Of an ensemble it is the mean of the heads. Raises UserError as `load_user_classifiers`, and when a class
    has no output.
    """
    mapped = None if table is None else read_class_map(table)
    named = load_user_classifiers(model, resnet50s)
    if not named:
        raise UserError(f"{model}: this classifier was left out when the others were trained")
    name, classifier = next(iter(named.items()))
    if others := list(named)[1:]:
        log.info("%s: the audit is of %s, not of its heads %s", model, name, ", ".join(others))
    labels = labels_of_outputs(classifier, classes, mapped)
    require_all(classifier, classes, labels)
    return Audited(name, classifier, labels, mapped)


def audit(
    model: Audited,
    factors: Factors,
    classes: Sequence[str],
    patches: PatchParams,
    folder: Path,
    seed: int,
) -> dict[str, Any]:
    """Writes both sets to `folder` and scores the classifier on them and on all photos.

    Scores are those of `intervals`. `flipped` is the share of the objects that are recognised in mixed_same
    and not in mixed_rand, and `flips` the `FLIPS` of them, on backgrounds of other classes, whose class loses
    most probability. Raises UserError when there are too few usable objects.
    """
    write_in9_set(folder / "in9", factors, classes, seed)
    write_cue_conflict_set(folder / "cue_conflict", factors, classes, patches, seed)
    classifier = model.classifier
    found = answers_on_sets(classifier, folder, classes, model.mapped)
    flips, flipped = _flips(classifier, found.in9, found.classes, folder / "in9")
    return {
        "photos": len(factors.labels),
        "usable_objects": int(factors.usable.sum()),
        "classes": list(classes),
        **scores_of(classifier, factors, classes, model.labels, found, seed),
        "flipped": score([flipped], percent, seed, "flipped"),
        "flips": [flip._asdict() for flip in flips],
    }


def _flips(
    classifier: ImageClassifier, answers: Mapping[str, Answers], classes: Sequence[str], folder: Path
) -> tuple[list[Flip], NDArray[np.bool_]]:
    """The worst flips, and which objects flip (n,)."""
    same, rand = (answers[variant] for variant in GAP)
    flipped = same.right & ~rand.right
    with (folder / METADATA).open(newline="", encoding="utf-8") as stream:
        lent = {row["file"]: row for row in csv.DictReader(stream)}
    found = []
    for place in np.flatnonzero(flipped):
        label = rand.files[place].label
        files = {
            variant: found_answers.files[place].file.relative_to(folder).as_posix()
            for variant, found_answers in answers.items()
            if variant in ("original", *GAP)
        }
        row = lent[files[GAP[1]]]
        if row["background_class"] != row["class"]:
            predicted, output = int(rand.predicted[place]), int(rand.outputs[place])
            names = classifier.names
            other = names[output] if len(names) else f"output {output}"
            found.append(
                Flip(
                    row["class"],
                    row["background_class"],
                    row["photo"],
                    classes[predicted] if predicted >= 0 else other,
                    float(100 * same.probabilities[place, label]),
                    float(100 * rand.probabilities[place, label]),
                    files,
                )
            )
    found.sort(key=lambda flip: (flip.probability_rand - flip.probability_same, flip.photo))
    return found[:FLIPS], flipped


def leaning(scores: Mapping[str, Any]) -> list[tuple[str, Score]]:
    """The classes with a background gap, the largest first, with their IN-9 scores."""
    by_class = [item for item in scores["in9"]["by_class"].items() if "bg_gap" in item[1]]
    return sorted(by_class, key=lambda item: (-item[1]["bg_gap"]["value"], item[0]))


def table_of(scores: Mapping[str, Any]) -> list[dict[str, Any]]:
    """All scores as rows of a table: the class (or all), the score, its value, interval and images."""
    rows = []

    def add(name: str, what: str, one: Score) -> None:
        rows.append({"class": name, "score": what, **one})

    for name, one in [("all", scores["top1"]["overall"]), *scores["top1"]["by_class"].items()]:
        add(name, "top1", one)
    for name, many in [("all", scores["in9"]["overall"]), *scores["in9"]["by_class"].items()]:
        for what, one in many.items():
            add(name, what, one)
    conflicts = scores["cue_conflict"]
    for name, many in [("all", conflicts["overall"]), *conflicts["by_class"].items()]:
        add(name, "shape_bias", many["shape_bias"])
        for what in ("shape_correct", "texture_correct"):
            add(name, what, {"value": many[what], "images": many["shape_bias"]["images"]})
    add("all", "flipped", scores["flipped"])
    return rows
