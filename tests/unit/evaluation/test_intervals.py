"""Scores with intervals: values on known answers, pairs of one photo, classes and counts."""

from pathlib import Path

import numpy as np
import pytest

from cgn.evaluation.background_gap import Answers, LabelledFile
from cgn.evaluation.intervals import in9_intervals, shape_bias_intervals
from cgn.evaluation.shape_bias import CueAnswers, Stimulus

CLASSES = ["cat", "dog"]


def answers(predicted: list[int], names: list[str]) -> Answers:
    """To images of which the first half are cats."""
    half = len(names) // 2
    files = [LabelledFile(Path(f"{name}.png"), int(place >= half)) for place, name in enumerate(names)]
    outputs = np.array(predicted)
    return Answers(files, outputs, outputs, np.eye(2, dtype=np.float32)[outputs])


def test_values_overall_and_by_class() -> None:
    names = list("abcdefgh")
    same, rand = answers([0, 0, 0, 0, 1, 1, 1, 0], names), answers([0, 0, 1, 1, 1, 1, 1, 0], names)
    scores = in9_intervals({"mixed_same": same, "mixed_rand": rand}, CLASSES, 0)
    overall = scores["overall"]
    assert (overall["mixed_same"]["value"], overall["mixed_rand"]["value"]) == (87.5, 62.5)
    assert (overall["bg_gap"]["value"], overall["bg_gap"]["images"]) == (25, 8)
    assert overall["bg_gap"]["low"] >= 0  # pairs: no photo is better in mixed_rand
    assert scores["by_class"]["cat"]["bg_gap"]["value"] == 50
    assert scores["by_class"]["dog"]["bg_gap"] == {"value": 0, "low": 0, "high": 0, "images": 4}
    assert scores == in9_intervals({"mixed_same": same, "mixed_rand": rand}, CLASSES, 0)


def test_variants_whose_files_differ_are_drawn_apart() -> None:
    predicted = [0, 0, 1, 1, 1, 1, 0, 0]
    same, rand = answers(predicted, list("abcdefgh")), answers(predicted, list("ijklmnop"))
    gap = in9_intervals({"mixed_same": same, "mixed_rand": rand}, CLASSES, 0)["overall"]["bg_gap"]
    assert gap["value"] == 0
    assert gap["low"] < -20
    assert gap["high"] > 20


def test_a_class_or_variant_without_images_has_no_score() -> None:
    found = answers([0, 0], ["a", "b"])
    only_cats = Answers([LabelledFile(Path("a.png"), 0), LabelledFile(Path("b.png"), 0)], *found[1:])
    scores = in9_intervals({"original": only_cats}, CLASSES, 0)
    assert list(scores["overall"]) == ["original"]
    assert list(scores["by_class"]) == ["cat"]


def stimulus(number: int, shape: str, texture: str) -> Stimulus:
    return Stimulus(Path(f"{shape}{number}-{texture}1.png"), shape, texture)


def test_shape_bias() -> None:
    pairs = [("cat", "dog"), ("cat", "dog"), ("cat", "dog"), ("dog", "cat")]
    stimuli = [stimulus(number, *pair) for number, pair in enumerate(pairs)]
    scores = shape_bias_intervals(CueAnswers(stimuli, ["cat", "dog", "dog", "bird"]), 0)
    overall, dog = scores["overall"], scores["by_class"]["dog"]
    assert overall["shape_bias"]["value"] == pytest.approx(100 / 3)
    assert (overall["shape_correct"], overall["texture_correct"]) == (1, 2)
    assert overall["shape_bias"]["images"] == 4
    assert (overall["shape_bias"]["low"], overall["shape_bias"]["high"]) == (0, 100)
    assert dog["shape_bias"] == {"value": None, "low": None, "high": None, "images": 1}


def test_stimuli_of_one_object_are_no_further_evidence() -> None:
    """Each of 40 objects on three stimuli with the same answer: the interval is that of 40."""
    pairs = [("cat", "dog") if number % 3 else ("traffic-light", "cat") for number in range(40)]
    answered = [pair[number % 2] for number, pair in enumerate(pairs)]
    once = [stimulus(number, *pair) for number, pair in enumerate(pairs)]
    three = [Stimulus(Path(f"{each.file.stem}{copy}.png"), *each[1:]) for each in once for copy in range(3)]
    alone = shape_bias_intervals(CueAnswers(once, answered), 0)["overall"]["shape_bias"]
    together = shape_bias_intervals(CueAnswers(three, [answer for answer in answered for _ in range(3)]), 0)[
        "overall"
    ]["shape_bias"]
    assert (together["low"], together["high"]) == pytest.approx((alone["low"], alone["high"]))
    assert (alone["images"], together["images"]) == (40, 120)
