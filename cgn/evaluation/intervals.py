"""The scores of IN-9 and cue-conflict sets with bootstrap intervals of 95 %, overall and by class.

A photo is drawn with all of its variants if files of equal names show the same object, as in the sets of
`cgn.generators.photos.test_sets`; the published sets name files otherwise, so their variants are drawn
independently. Of cue-conflict stimuli, those with the shape of one image are drawn together.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cgn.evaluation.background_gap import Answers
from cgn.evaluation.shape_bias import CueAnswers
from cgn.metrics.bootstrap import Statistic, bootstrap
from cgn.seeding import generator

Score = dict[str, Any]
GAP = ("mixed_same", "mixed_rand")


def score(
    samples: Sequence[NDArray[np.generic]], statistic: Statistic, seed: int, *names: str | int
) -> Score:
    """`value`, `low` and `high` of a statistic (see `bootstrap`), and `images`, the size of the first sample.

    `names` seed the resampling.
    """
    rows = [sample.astype(np.float64).reshape(len(sample), -1) for sample in samples]
    interval = bootstrap(rows, statistic, generator(seed, "bootstrap", *names))
    return interval._asdict() | {"images": len(rows[0])}


def percent(means: NDArray[np.float64]) -> NDArray[np.float64]:
    """The first mean, in percent."""
    return np.asarray(100 * means[..., 0])


def _difference(means: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(100 * (means[..., 0] - means[..., 1]))


def _share_of_first(means: NDArray[np.float64]) -> NDArray[np.float64]:
    with np.errstate(invalid="ignore"):
        return np.asarray(100 * means[..., 0] / (means[..., 0] + means[..., 1]))


def in9_intervals(answers: Mapping[str, Answers], classes: Sequence[str], seed: int) -> Score:
    """`overall`, {variant or bg_gap: score}, and `by_class`, the same for each class with images."""
    by_class = {name: _in9(answers, seed, name, label) for label, name in enumerate(classes)}
    return {
        "overall": _in9(answers, seed, "overall", None),
        "by_class": {name: scores for name, scores in by_class.items() if scores},
    }


def _in9(answers: Mapping[str, Answers], seed: int, name: str, label: int | None) -> Score:
    """The scores of one class, or of all if `label` is None."""
    right: dict[str, dict[tuple[int, str], bool]] = {}
    for variant, found in answers.items():
        pairs = zip(found.files, found.right, strict=True)
        right[variant] = {
            (entry.label, entry.file.stem): bool(hit) for entry, hit in pairs if label in (None, entry.label)
        }
    scores = {
        variant: score([np.array(list(hits.values()))], percent, seed, name, variant)
        for variant, hits in right.items()
        if hits
    }
    if all(variant in scores for variant in GAP):
        first, second = (right[variant] for variant in GAP)
        if first.keys() == second.keys():
            samples = [np.array([(first[key], second[key]) for key in first])]
        else:
            samples = [np.array(list(hits.values())) for hits in (first, second)]
        scores["bg_gap"] = score(samples, _difference, seed, name, "bg_gap")
    return scores


def shape_bias_intervals(answers: CueAnswers, seed: int) -> Score:
    """`overall` and `by_class`, the class of the shape: `shape_bias`, a score, and both counts."""
    shapes = np.array([stimulus.shape for stimulus in answers.stimuli])

    def of(chosen: NDArray[np.bool_], name: str) -> Score:
        rows = answers.by_cue[chosen]
        counts: dict[tuple[str, str], NDArray[np.int_]] = {}
        for number, row in zip(np.flatnonzero(chosen), rows, strict=True):
            of_object = answers.stimuli[number].object
            counts[of_object] = counts.get(of_object, 0) + row.astype(int)
        shape_correct, texture_correct = (int(count) for count in rows.sum(axis=0))
        bias = score([np.stack([*counts.values()])], _share_of_first, seed, name, "shape_bias")
        return {
            "shape_bias": bias | {"images": len(rows)},
            "shape_correct": shape_correct,
            "texture_correct": texture_correct,
        }

    return {
        "overall": of(np.full(len(shapes), True), "overall"),
        "by_class": {str(name): of(shapes == name, str(name)) for name in np.unique(shapes)},
    }
