"""Outputs are matched to classes by name, by the published maps or by a table, and else refused."""

from pathlib import Path
from unicodedata import normalize

import numpy as np
import pytest

from cgn.data.class_maps import IN9_CLASSES
from cgn.errors import UserError
from cgn.evaluation.class_matching import labels_of_outputs, read_class_map, require_all
from cgn.networks.image_classifier import ImageClassifier, imagenet_meaning, meaning_of, unnamed
from cgn.networks.published import IMAGENET_NAMES


def named(*names: str) -> ImageClassifier:
    empty = np.zeros((1, len(names)), np.float32)
    return ImageClassifier(4, lambda images: empty.repeat(len(images), axis=0), *meaning_of(names))


IMAGENET = ImageClassifier(
    4, lambda images: np.zeros((len(images), 1000), np.float32), *imagenet_meaning(IMAGENET_NAMES)
)
NAMELESS = ImageClassifier(4, lambda images: np.zeros((len(images), 3), np.float32), *unnamed(3))


def test_by_name_in_any_order_and_spelling() -> None:
    classifier = named("Polar-Bear", "oak", "seal", "Red fox")
    assert labels_of_outputs(classifier, ["red_fox", "polar bear", "seal"]).tolist() == [1, -1, 2, 0]
    assert labels_of_outputs(named("Cat", "cat"), ["cat", "Cat"]).tolist() == [1, 0]


def test_nine_classes_of_other_names_are_not_in9s() -> None:
    flowers = named(*(f"flower {number}" for number in range(9)))
    labels = labels_of_outputs(flowers, IN9_CLASSES)
    assert labels.tolist() == [-1] * 9
    with pytest.raises(UserError, match=r"no output for dog, bird, .*; its classes are flower 0, flower 1"):
        require_all(flowers, IN9_CLASSES, labels)


def test_imagenet_by_the_published_maps_or_by_name() -> None:
    of_in9 = labels_of_outputs(IMAGENET, ["fish", "dog"])
    assert (of_in9[0], of_in9[151], of_in9[7]) == (0, 1, -1)
    assert np.bincount(of_in9 + 1)[1:].tolist() == [16, 116]
    of_cues = labels_of_outputs(IMAGENET, ["oven", "chair"])
    assert np.flatnonzero(of_cues == 0).tolist() == [766]
    assert np.flatnonzero(of_cues == 1).tolist() == [423, 559, 765, 857]
    assert np.flatnonzero(labels_of_outputs(IMAGENET, ["tench", "Goldfish"]) >= 0).tolist() == [0, 1]


def test_a_table_names_outputs_or_numbers_them(tmp_path: Path) -> None:
    table = tmp_path / "classes.csv"
    table.write_text("output,class\ntench,fish\n1, fish\n\n151,dog\n", encoding="utf-8-sig")
    labels = labels_of_outputs(IMAGENET, ["dog", "fish"], read_class_map(table))
    assert {int(n): int(labels[n]) for n in np.flatnonzero(labels >= 0)} == {0: 1, 1: 1, 151: 0}
    table.write_text("output,class\n2,cat\n0,dog\n")
    labels = labels_of_outputs(NAMELESS, ["cat", "dog"], read_class_map(table))
    assert labels.tolist() == [1, -1, 0]


def test_names_in_either_normal_form_are_equal(tmp_path: Path) -> None:
    composed, decomposed = (normalize(form, "Bär") for form in ("NFC", "NFD"))
    assert labels_of_outputs(named("elk", decomposed), [composed, "elk"]).tolist() == [1, 0]
    (tmp_path / "map.csv").write_text(f"output,class\nelk,{decomposed}\n", encoding="utf-8")
    mapped = read_class_map(tmp_path / "map.csv")
    assert labels_of_outputs(named("elk", "oak"), [composed], mapped).tolist() == [0, -1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("class,output\na,b\n", r"its first line is 'class,output'; expected output,class"),
        ("", r"its first line is ''; expected output,class"),
        ("output,class\na\n", r"not a table of two columns"),
        ("output,class\n1,cat\n1,dog\n", r"output 1 stands there twice"),
        ("output,class\n1,horse\n", r"--classes: horse: not one of the photos' classes: cat, dog"),
        ("output,class\n3,cat\n", r"--classes: 3: neither name nor number"),
    ],
)
def test_a_wrong_table_is_named(text: str, message: str, tmp_path: Path) -> None:
    table = tmp_path / "classes.csv"
    table.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=message):
        labels_of_outputs(NAMELESS, ["cat", "dog"], read_class_map(table))


def test_without_names_and_table_it_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"nobody knows the names of its 3 outputs; .* --classes"):
        labels_of_outputs(NAMELESS, ["cat", "dog", "horse"])
    with pytest.raises(UserError, match="cannot be read"):
        read_class_map(tmp_path / "nowhere.csv")
