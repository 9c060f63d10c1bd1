"""An audit of classifiers whose habits are known: one looks at the object, one at the background."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from cgn.errors import UserError
from cgn.evaluation.audit import Audited, audit, leaning
from cgn.evaluation.class_matching import labels_of_outputs
from cgn.generators.params import PatchParams
from cgn.generators.photos.factors import Factors
from cgn.networks.image_classifier import ImageClassifier, meaning_of
from cgn.report.audit import write_audit

SIZE, CLASSES, PER_CLASS = 16, ["cat", "dog", "horse"], 8
PATCHES = PatchParams(patch_width=0.25, patch_grid=2, patch_candidates=4)
OBJECT, BACKGROUND = (100, 130, 160), (20, 50, 220)  # red values of the classes


@pytest.fixture
def factors() -> Factors:
    """Photos whose object and background have the class's value; the last of a class has no object."""
    labels = np.arange(len(CLASSES) * PER_CLASS) % len(CLASSES)
    masks = np.zeros((len(labels), SIZE, SIZE), np.uint8)
    masks[:, 5:11, 5:11] = 255
    backgrounds = np.zeros((len(labels), SIZE, SIZE, 3), np.uint8)
    backgrounds[..., 0] = np.array(BACKGROUND)[labels, None, None]
    images = backgrounds.copy()
    images[:, 5:11, 5:11, 0] = np.array(OBJECT)[labels, None, None]
    usable = np.arange(len(labels)) < len(labels) - 3
    names = [f"{CLASSES[label]}/{number}.jpg" for number, label in enumerate(labels)]
    return Factors(images, labels, masks, backgrounds, usable, names)


def looks_at(row: int, column: int, values: tuple[int, ...]) -> ImageClassifier:
    """Answers the class whose value is nearest to the pixel's; a fourth output, `fox`, is never answered."""

    def probabilities(images: NDArray[np.uint8]) -> NDArray[np.float32]:
        found = images[:, row, column, 0].astype(int)[:, None]
        right = np.abs(found - np.array(values)).argmin(axis=1)
        return np.where(np.arange(4) == right[:, None], 0.7, 0.1).astype(np.float32)

    return ImageClassifier(SIZE, probabilities, *meaning_of([*CLASSES, "fox"]))


OF_OBJECT, OF_BACKGROUND = looks_at(7, 7, OBJECT), looks_at(1, 1, BACKGROUND)
Score = Callable[[ImageClassifier], dict[str, Any]]


@pytest.fixture
def audited(factors: Factors, tmp_path: Path) -> Score:
    def run(classifier: ImageClassifier) -> dict[str, Any]:
        model = Audited("mine", classifier, labels_of_outputs(classifier, CLASSES), None)
        return audit(model, factors, CLASSES, PATCHES, tmp_path, 0)

    return run


def test_one_that_looks_at_the_object(audited: Score) -> None:
    scores = audited(OF_OBJECT)
    overall = scores["in9"]["overall"]
    assert overall["bg_gap"] == {"value": 0, "low": 0, "high": 0, "images": 21}
    assert (overall["mixed_rand"]["value"], overall["only_fg"]["value"]) == (100, 100)
    assert overall["only_bg_b"]["value"] < 50
    assert (scores["flips"], scores["flipped"]["value"]) == ([], 0)
    assert scores["top1"]["overall"] == {"value": 100, "low": 100, "high": 100, "images": 24}
    assert scores["usable_objects"] == 21
    # The texture is the object's value, so this one knows nothing of shapes.
    assert scores["cue_conflict"]["overall"]["shape_bias"]["value"] == 0


def test_one_that_looks_at_the_background(audited: Score, tmp_path: Path) -> None:
    scores = audited(OF_BACKGROUND)
    overall = scores["in9"]["overall"]
    assert (overall["original"]["value"], overall["mixed_same"]["value"]) == (100, 100)
    assert (overall["mixed_next"]["value"], overall["only_bg_b"]["value"]) == (0, 100)
    assert overall["bg_gap"]["low"] > 20
    assert overall["bg_gap"]["value"] == scores["flipped"]["value"]
    gaps = [score["bg_gap"]["value"] for _, score in leaning(scores)]
    assert gaps == sorted(gaps, reverse=True)
    assert 0 < len(scores["flips"]) <= 12
    for flip in scores["flips"]:
        assert flip["answer"] == flip["background_class"] != flip["class_name"]
        assert flip["photo"].startswith(flip["class_name"])
        assert (flip["probability_same"], flip["probability_rand"]) == (pytest.approx(70), pytest.approx(10))
        assert all((tmp_path / "in9" / file).exists() for file in flip["files"].values())


def test_files(audited: Score, factors: Factors, tmp_path: Path) -> None:
    scores = audited(OF_BACKGROUND)
    write_audit(tmp_path, "<mine>", scores, factors)
    assert json.loads((tmp_path / "audit.json").read_text()) == {"model": "<mine>", **scores}
    with (tmp_path / "audit.csv").open(newline="") as stream:
        rows = {(row["class"], row["score"]): row for row in csv.DictReader(stream)}
    gap = scores["in9"]["by_class"]["dog"]["bg_gap"]
    assert float(rows["dog", "bg_gap"]["value"]) == pytest.approx(gap["value"], abs=0.01)
    assert rows["all", "top1"]["images"] == "24"
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert "How much does &lt;mine&gt; lean" in page
    assert page.count("data:image/jpeg;base64,") == 3 * len(scores["flips"])
    assert page.count("data:image/png;base64,") == 2
    assert 'src="http' not in page


def test_a_table_maps_outputs_also_when_a_class_has_no_objects(factors: Factors, tmp_path: Path) -> None:
    few = factors._replace(usable=factors.usable & (factors.labels < 2))
    mapped = {"horse": "cat", "cat": "horse", "dog": "dog"}
    labels = labels_of_outputs(OF_OBJECT, CLASSES, mapped)
    scores = audit(Audited("mine", OF_OBJECT, labels, mapped), few, CLASSES, PATCHES, tmp_path, 0)
    assert list(scores["in9"]["by_class"]) == ["cat", "dog"]
    assert scores["in9"]["by_class"]["cat"]["only_fg"]["value"] == 0
    assert scores["in9"]["by_class"]["dog"]["only_fg"]["value"] == 100
    assert scores["top1"]["overall"]["value"] == pytest.approx(100 / 3)


def test_photos_of_another_size_are_refused(factors: Factors, tmp_path: Path) -> None:
    labels = labels_of_outputs(OF_OBJECT, CLASSES)
    large = Audited("mine", OF_OBJECT._replace(resolution=48), labels, None)
    with pytest.raises(UserError, match="photos of 16 pixels, for a classifier of 48"):
        audit(large, factors, CLASSES, PATCHES, tmp_path, 0)
