"""IN-9: the arithmetic on known answers and the folder's reading."""

import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cgn.data.class_maps import IN9_CLASSES, IN9_VARIANTS
from cgn.errors import UserError
from cgn.evaluation.background_gap import find_variants, in9_scores, set_classes
from cgn.io.files import read_json
from cgn.io.image_folders import Skipped
from cgn.networks.image_classifier import ImageClassifier
from stages.scoring import write_scores

Paint = Callable[[Path, int], None]
DOG_OUTPUTS, FISH_OUTPUT, NO_OUTPUT = (0, 1), 2, 3
FOLDERS = [f"{label:02d}_{name}" for label, name in enumerate(IN9_CLASSES)]


@pytest.fixture
def classifier(classifier_of: Callable[..., ImageClassifier]) -> ImageClassifier:
    """Four outputs: two mean dog, one fish, one none of the nine. An image's red value is its answer."""
    return classifier_of(np.eye(4), in9_classes=(0, 0, 8, -1))


def test_accuracies_and_gap(classifier: ImageClassifier, paint: Paint, tmp_path: Path) -> None:
    answers = {
        "mixed_same": {"00_dog": [*DOG_OUTPUTS, FISH_OUTPUT], "08_fish": [FISH_OUTPUT]},  # 3 of 4
        "mixed_rand": {"00_dog": [DOG_OUTPUTS[0], NO_OUTPUT], "08_fish": [NO_OUTPUT] * 3},  # 1 of 5
        "only_bg_b": {"00_dog": [NO_OUTPUT]},
    }
    for variant, folders in answers.items():
        for folder, reds in folders.items():
            for number, red in enumerate(reds):
                paint(tmp_path / variant / "val" / folder / f"{number}.png", red)
    assert in9_scores(classifier, tmp_path, Skipped()) == {
        "mixed_same": 75.0,
        "mixed_rand": 20.0,
        "only_bg_b": 0.0,
        "bg_gap": 55.0,
        "images": {"mixed_same": 4, "mixed_rand": 5, "only_bg_b": 1},
    }


def test_no_gap_without_both_of_its_variants(
    classifier: ImageClassifier, paint: Paint, tmp_path: Path
) -> None:
    paint(tmp_path / "mixed_rand" / "val" / "08_fish" / "a.png", FISH_OUTPUT)
    assert in9_scores(classifier, tmp_path, Skipped()) == {"mixed_rand": 100.0, "images": {"mixed_rand": 1}}


def test_every_image_counts_across_batches(classifier: ImageClassifier, paint: Paint, tmp_path: Path) -> None:
    for number in range(75):
        answer = FISH_OUTPUT if number % 5 == 0 else DOG_OUTPUTS[number % 2]
        paint(tmp_path / "original" / "val" / "08_fish" / f"{number}.png", answer)
    scores = in9_scores(classifier, tmp_path, Skipped())
    assert scores == {"original": pytest.approx(20.0), "images": {"original": 75}}


def test_a_network_of_the_nine_classes_is_scored_alike(
    classifier_of: Callable[..., ImageClassifier], paint: Paint, tmp_path: Path
) -> None:
    classifier = classifier_of(np.eye(9), range(9), {name: [i] for i, name in enumerate(IN9_CLASSES)})
    for label, folder in enumerate(FOLDERS):
        paint(tmp_path / "original" / "val" / folder / "a.png", min(label, 5))
    scores = in9_scores(classifier, tmp_path, Skipped())
    assert scores["original"] == pytest.approx(100 * 6 / 9)


def test_other_classes_are_refused_and_missing_ones_named(
    classifier_of: Callable[..., ImageClassifier],
    classifier: ImageClassifier,
    paint: Paint,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    paint(tmp_path / "original" / "val" / "00_dog" / "a.png", 0)
    flowers = {name: [i] for i, name in enumerate(("rose", "tulip", "lily"))}
    with pytest.raises(UserError, match=r"its classes are rose, tulip, lily; IN-9 needs .* dog, bird, "):
        in9_scores(classifier_of(np.eye(3), (-1, -1, -1), flowers), tmp_path, Skipped())
    with caplog.at_level(logging.WARNING):
        in9_scores(classifier, tmp_path, Skipped())
    assert caplog.records[0].getMessage().startswith("a classifier without bird, wheeled_vehicle")


def test_reads_the_published_layout_and_ignores_the_rest(
    paint: Paint, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    published = [name.replace("_v", " v").replace("_ins", " ins") for name in FOLDERS]
    assert published[2] == "02_wheeled vehicle"
    for folder in published:
        paint(tmp_path / "original" / "val" / folder / "n01_1.jpeg", 0)
        paint(tmp_path / "original" / "train" / folder / "n01_2.jpeg", 0)
    (tmp_path / "original" / "val" / "00_dog" / "n01_1.jpeg").rename(
        tmp_path / "original" / "val" / "00_dog" / "n01_1.JPEG"
    )
    (tmp_path / "original" / "val" / "00_dog" / "notes.txt").write_text("no image")
    (tmp_path / "original" / "val" / "01_dog.txt").write_text("no folder")
    paint(tmp_path / "original" / "val" / "01_dog" / "a.png", 0)  # a number that is not its name's
    paint(tmp_path / "fg_mask" / "val" / "00_dog" / "a.png", 0)
    (tmp_path / "no_fg" / "val" / "00_dog").mkdir(parents=True)
    skipped = Skipped()
    with caplog.at_level(logging.WARNING):
        found = find_variants(tmp_path, skipped)
    assert list(found) == ["original"]
    assert [entry.label for entry in found["original"]] == list(range(9))
    assert [record.getMessage() for record in caplog.records] == [
        f"{tmp_path}: without images, not scored: {', '.join(IN9_VARIANTS[1:])}"
    ]
    assert skipped.summary() == (
        "1 folders beside val, 1 folders of no class, 1 folders of no variant, 2 no images by their ending"
    )


def test_classes_without_images_are_named(
    paint: Paint, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for variant in IN9_VARIANTS:
        for folder in FOLDERS[: 7 if variant == "only_fg" else 9]:
            paint(tmp_path / variant / "val" / folder / "a.png", 0)
    with caplog.at_level(logging.WARNING):
        assert list(find_variants(tmp_path, Skipped())) == list(IN9_VARIANTS)
    assert [record.getMessage() for record in caplog.records] == [
        f"{tmp_path / 'only_fg'}: no images of primate, fish"
    ]


def test_no_images(classifier: ImageClassifier, paint: Paint, tmp_path: Path) -> None:
    paint(tmp_path / "val" / "00_dog" / "a.png", 0)  # the folder of a variant instead of all
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(UserError, match=r"no IN-9 images; expected <variant>/val/") as failure:
            in9_scores(classifier, folder, Skipped())
        assert str(failure.value).startswith(f"{folder}: ")


@pytest.mark.parametrize("kept", [0, 20, 3000], ids=["empty", "header only", "cut"])
@pytest.mark.parametrize("ending", ["png", "JPEG"])
def test_a_damaged_image_is_named(
    ending: str, kept: int, classifier: ImageClassifier, paint: Paint, tmp_path: Path
) -> None:
    folder = tmp_path / "original" / "val" / "00_dog"
    paint(folder / "a.png", 0)
    damaged = folder / f"b.{ending}"
    noise = np.random.default_rng(0).integers(256, size=(96, 96, 3), dtype=np.uint8)
    Image.fromarray(noise).save(damaged)
    assert damaged.stat().st_size > 4000
    damaged.write_bytes(damaged.read_bytes()[:kept])
    with pytest.raises(UserError) as failure:
        in9_scores(classifier, tmp_path, Skipped())
    message = str(failure.value)
    assert message.startswith(f"{damaged}: not a readable image (")
    assert "\n" not in message


def test_what_is_not_scored_is_listed_beside_the_scores(
    paint: Paint, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root)
    paint(tmp_path / "set/original/val/00_dog/a.jfif", 0)
    for other in ("._a.jpg", "b.txt"):
        (tmp_path / "set/original/val/00_dog" / other).touch()
    out, listed = tmp_path / "in9.json", tmp_path / "in9_skipped.csv"
    write_scores(["efficientnet_lite0"], tmp_path / "set", in9_scores, out)
    assert read_json(out)["images"] == {"original": 1}
    assert listed.read_text(encoding="utf-8").splitlines() == [
        "path,reason,detail",
        "original/val/00_dog/._a.jpg,hidden,",
        "original/val/00_dog/b.txt,no images by their ending,",
    ]
    (tmp_path / "set/original/val/00_dog/._a.jpg").unlink()
    (tmp_path / "set/original/val/00_dog/b.txt").unlink()
    write_scores(["efficientnet_lite0"], tmp_path / "set", in9_scores, out)
    assert not listed.exists()


def test_a_set_of_other_classes_is_matched_by_name(
    classifier_of: Callable[..., ImageClassifier], paint: Paint, tmp_path: Path
) -> None:
    names = ["Red-Fox", "oak", "gull"]
    classifier = classifier_of(np.eye(3), (-1, -1, -1), {})._replace(names=names)
    for folder, answers in {"gull": [2, 1], "red fox": [0, 0]}.items():
        for number, answer in enumerate(answers):
            paint(tmp_path / "original" / "val" / folder / f"{number}.png", answer)
    assert set_classes(tmp_path) == ["gull", "red fox"]
    assert in9_scores(classifier, tmp_path, Skipped()) == {"original": 75.0, "images": {"original": 4}}
