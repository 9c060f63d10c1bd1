"""Shape bias: the arithmetic on known answers, the folder's reading, and a published network's figure."""

import logging
from collections.abc import Callable
from pathlib import Path
from unicodedata import normalize

import numpy as np
import pytest
from PIL import Image

from cgn.errors import UserError
from cgn.evaluation.shape_bias import find_stimuli, shape_bias_scores
from cgn.io.image_folders import Skipped
from cgn.io.images import resize_and_crop
from cgn.networks.image_classifier import ImageClassifier
from cgn.networks.pretrained import load_classifier

Paint = Callable[[Path, int], None]
OUTPUTS = {"bird": [3, 4, 5], "cat": [0, 1], "dog": [2]}
BIRD, CAT, DOG = range(3)  # rows of TABLE; the highest mean, for CAT and DOG neither the sum nor the maximum
TABLE = np.array(
    [
        [0.0, 0.0, 0.1, 0.3, 0.3, 0.3],
        [0.20, 0.20, 0.15, 0.45, 0.0, 0.0],
        [0.30, 0.0, 0.22, 0.16, 0.16, 0.16],
    ]
)


@pytest.fixture
def classifier(classifier_of: Callable[..., ImageClassifier]) -> ImageClassifier:
    return classifier_of(TABLE, cue_conflict_outputs=OUTPUTS)


def test_counts_and_percent(classifier: ImageClassifier, paint: Paint, tmp_path: Path) -> None:
    paint(tmp_path / "cat" / "cat1-dog1.png", CAT)  # shape
    paint(tmp_path / "cat" / "cat10-dog2.png", DOG)  # texture
    paint(tmp_path / "cat" / "cat2-bird1.png", BIRD)  # texture
    paint(tmp_path / "dog" / "dog1-bird1.png", BIRD)  # texture
    paint(tmp_path / "dog" / "dog1-cat1.png", BIRD)  # neither
    paint(tmp_path / "bird" / "bird7-bird3.png", BIRD)  # its two classes agree
    assert shape_bias_scores(classifier, tmp_path, Skipped()) == {
        "shape_bias": 25.0,
        "shape_correct": 1,
        "texture_correct": 3,
        "images": 5,
    }


def test_no_cue_seen_leaves_the_bias_undefined(
    classifier: ImageClassifier, paint: Paint, tmp_path: Path
) -> None:
    paint(tmp_path / "dog" / "dog1-cat1.png", BIRD)
    scores = shape_bias_scores(classifier, tmp_path, Skipped())
    assert scores == {"shape_bias": None, "shape_correct": 0, "texture_correct": 0, "images": 1}


def test_other_entries_are_ignored_and_missing_shapes_are_named(
    paint: Paint, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    paint(tmp_path / "cat" / "cat1-dog1.png", CAT)
    paint(tmp_path / "cat" / "dog1-cat1.png", CAT)  # in the wrong folder
    paint(tmp_path / "cat" / "cat1-whale1.png", CAT)
    paint(tmp_path / "cat" / "cat1.png", CAT)
    paint(tmp_path / "cat" / "._cat2-dog2.png", CAT)
    paint(tmp_path / "whale" / "whale1-cat1.png", CAT)
    (tmp_path / "cat" / "LICENSE").write_text("free")
    (tmp_path / "dog").write_text("a file")
    skipped = Skipped()
    with caplog.at_level(logging.WARNING):
        (stimulus,) = find_stimuli(tmp_path, list(OUTPUTS), skipped)
    assert stimulus == (tmp_path / "cat" / "cat1-dog1.png", "cat", "dog")
    assert [record.getMessage().partition(": ")[2] for record in caplog.records] == [
        "no folder for the shapes bird, dog"
    ]
    assert skipped.summary() == (
        "1 folders of other classes, 1 hidden, 1 no images by their ending,"
        " 3 not named <shape><n>-<texture><n>"
    )


def test_names_of_any_script_and_form(paint: Paint, tmp_path: Path) -> None:
    """A class whose folder stands there in the other normal form, and one that ends in a number."""
    classes = [normalize("NFC", "Bär (braun)"), "c1", "c11", "50% #Öl"]
    bear = normalize("NFD", classes[0])
    paths = [
        f"{bear}/{bear}1-c12.png",
        f"c1/c13-{bear}4.JFIF",
        "c11/c113-c17.webp",
        "50% #Öl/50% #Öl1-c11.tif",
    ]
    for path in paths:
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).touch()
    found = find_stimuli(tmp_path, classes, Skipped())
    assert [(stimulus.shape, stimulus.texture) for stimulus in found] == [
        (classes[0], "c1"),
        ("c1", classes[0]),
        ("c11", "c1"),
        ("50% #Öl", "c1"),
    ]
    assert {stimulus.file for stimulus in found} == {tmp_path / path for path in paths}


def test_names_of_several_words(paint: Paint, tmp_path: Path) -> None:
    file = tmp_path / "wheeled_vehicle" / "wheeled_vehicle12-musical_instrument3.png"
    paint(file, 0)
    stimuli = find_stimuli(tmp_path, ["musical_instrument", "wheeled_vehicle"], Skipped())
    assert stimuli == [(file, "wheeled_vehicle", "musical_instrument")]


def test_no_stimuli(classifier: ImageClassifier, paint: Paint, tmp_path: Path) -> None:
    paint(tmp_path / "cat" / "cat1-cat2.png", CAT)
    with pytest.raises(
        UserError, match=r"no cue-conflict stimuli; expected .* of bird, cat, dog \(skipped: nothing\)$"
    ):
        shape_bias_scores(classifier, tmp_path, Skipped())
    with pytest.raises(UserError, match=r"nowhere: no cue-conflict stimuli"):
        shape_bias_scores(classifier, tmp_path / "nowhere", Skipped())


def test_efficientnet_lite0_on_real_stimuli(shared_data: Path) -> None:
    """The published protocol, in which 224 pixels enter as they are, and that of the released code."""
    scores = shape_bias_scores(
        load_classifier("efficientnet_lite0", {}), shared_data / "cue_conflict", Skipped()
    )
    assert scores == {
        "shape_bias": pytest.approx(21.6, abs=0.05),
        "shape_correct": 43,
        "texture_correct": 156,
        "images": 300,
        "resize_and_crop": {
            "shape_bias": pytest.approx(24.9, abs=0.05),
            "shape_correct": 51,
            "texture_correct": 154,
        },
    }


@pytest.mark.parametrize("size", [(224, 224), (300, 200), (181, 243)])
def test_the_second_protocol_is_that_of_torchvision(size: tuple[int, int]) -> None:
    from torchvision.transforms import CenterCrop, Compose, Resize

    pixels = np.random.default_rng(0).integers(256, size=(size[1], size[0], 3), dtype=np.uint8)
    image = Image.fromarray(pixels)
    expected = np.asarray(Compose([Resize(256), CenterCrop(224)])(image))
    np.testing.assert_array_equal(resize_and_crop(image, 224), expected)


def test_stimuli_of_other_classes_are_matched_by_name(
    classifier_of: Callable[..., ImageClassifier], paint: Paint, tmp_path: Path
) -> None:
    """Their classes end with digits, so only the widths of the numbers tell a name's parts."""
    names = ["Type-1", "oak", "type 11"]
    classifier = classifier_of(np.eye(3), (-1, -1, -1), {name: [n] for n, name in enumerate(names)})
    classifier = classifier._replace(names=names)
    paint(tmp_path / "type 1" / "type 10001-type 110002.png", 2)  # texture
    paint(tmp_path / "type 11" / "type 110001-type 10002.png", 2)  # shape
    assert shape_bias_scores(classifier, tmp_path, Skipped()) == {
        "shape_bias": 50.0,
        "shape_correct": 1,
        "texture_correct": 1,
        "images": 2,
    }
