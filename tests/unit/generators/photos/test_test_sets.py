"""Sets of photos: what each variant shows, who lent it, and that the scorers read the folders."""

import csv
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from cgn.data.class_maps import IN9_VARIANTS
from cgn.data.composites import GREY
from cgn.errors import UserError
from cgn.evaluation.background_gap import find_variants, set_classes
from cgn.evaluation.shape_bias import find_stimuli
from cgn.generators.params import PatchParams
from cgn.generators.photos.factors import Factors
from cgn.generators.photos.test_sets import write_cue_conflict_set, write_in9_set
from cgn.io.image_folders import Skipped

SIZE, COUNT, CLASSES = 16, 14, ["a 1", "a 11", "dog"]
PATCHES = PatchParams(patch_width=0.25, patch_grid=2, patch_candidates=4)
BEHIND = 100  # what a background adds to the value of its photo


@pytest.fixture
def factors() -> Factors:
    """Photos of one value each, their number; the object is a square; photo 13, the last, has no object."""
    labels = np.arange(COUNT) % 3
    images = np.repeat(np.arange(COUNT, dtype=np.uint8), SIZE * SIZE * 3).reshape(COUNT, SIZE, SIZE, 3)
    masks = np.zeros((COUNT, SIZE, SIZE), np.uint8)
    masks[:, 4:12, 4:12] = 255
    masks[3, :, :] = 255  # fills the photo
    usable = np.arange(COUNT) != 13
    names = [f"p{number}" for number in range(COUNT)]
    return Factors(images, labels, masks, images + np.uint8(BEHIND), usable, names)


def rows_of(folder: Path) -> list[dict[str, str]]:
    with (folder / "metadata.csv").open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def pixels(path: Path) -> NDArray[np.int16]:
    return np.asarray(Image.open(path)).astype(np.int16)


def number(name: str) -> int:
    return int(name[1:])


def test_in9(factors: Factors, tmp_path: Path) -> None:
    write_in9_set(tmp_path / "set", factors, CLASSES, 0)
    rows = rows_of(tmp_path / "set")
    counts = Counter(row["variant"] for row in rows)
    assert counts == dict.fromkeys(IN9_VARIANTS, 13) | {"only_bg_b": 12, "only_bg_t": 12}
    for row in rows:
        image, photo, label = pixels(tmp_path / "set" / row["file"]), number(row["photo"]), row["class"]
        assert label == CLASSES[photo % 3]
        inside, outside = image[6, 6, 0], image[1, 1, 0]
        lender = number(row["background_photo"]) if row["background_photo"] else None
        if row["variant"].startswith("mixed"):
            assert inside == photo
            assert lender is not None
            assert lender != photo
            assert photo == 3 or outside == lender + BEHIND
            assert row["background_class"] == CLASSES[lender % 3]
            if row["variant"] == "mixed_same":
                assert row["background_class"] == label
            if row["variant"] == "mixed_next":
                assert row["background_class"] == CLASSES[(photo + 1) % 3]
        elif photo != 3:
            expected = {"original": (photo, photo), "only_fg": (photo, 0), "no_fg": (0, photo)}
            expected |= {"only_bg_b": (0, photo), "only_bg_t": (photo, photo)}
            assert (inside, outside) == expected[row["variant"]]
    random = {row["background_class"] for row in rows if row["variant"] == "mixed_rand"}
    assert random == set(CLASSES)


def test_the_scorer_reads_the_set(factors: Factors, tmp_path: Path) -> None:
    write_in9_set(tmp_path, factors, CLASSES, 0)
    assert set_classes(tmp_path) == sorted(CLASSES)
    found = find_variants(tmp_path, Skipped(), CLASSES)
    assert [len(files) for files in found.values()] == [13, 13, 13, 13, 12, 12, 13, 13]
    assert [entry.label for entry in found["original"]] == sorted(np.arange(13) % 3)


def test_cue_conflict(factors: Factors, tmp_path: Path) -> None:
    write_cue_conflict_set(tmp_path, factors, CLASSES, PATCHES, 0)
    rows = rows_of(tmp_path)
    assert len(rows) == 13 * 2  # every shape wears the textures of both other classes
    for row in rows:
        image = pixels(tmp_path / row["file"])
        texture = number(row["texture_photo"])
        assert (row["shape"], row["texture"]) == (
            CLASSES[number(row["shape_photo"]) % 3],
            CLASSES[texture % 3],
        )
        assert row["shape"] != row["texture"]
        assert image[6, 6, 0] == texture
        assert number(row["shape_photo"]) == 3 or image[1, 1, 0] == GREY
    stimuli = {
        cues.file.relative_to(tmp_path).as_posix(): cues[1:]
        for cues in find_stimuli(tmp_path, CLASSES, Skipped())
    }
    assert stimuli == {row["file"]: (row["shape"], row["texture"]) for row in rows}


def test_the_seed_decides_every_byte(factors: Factors, tmp_path: Path) -> None:
    def written(name: str, seed: int) -> dict[Path, bytes]:
        folder = tmp_path / name
        write_in9_set(folder / "in9", factors, CLASSES, seed)
        write_cue_conflict_set(folder / "cue_conflict", factors, CLASSES, PATCHES, seed)
        return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*.*")}

    first, same, other = written("first", 0), written("same", 0), written("other", 1)
    assert first == same
    assert first != other


def test_too_few_objects(factors: Factors, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    one_class = factors._replace(usable=(factors.labels == 0) | (np.arange(COUNT) == 1))
    with pytest.raises(UserError, match=r"usable object: 6 of 14, and two or more of only 1 classes"):
        write_in9_set(tmp_path / "set", one_class, CLASSES, 0)
    assert not list(tmp_path.iterdir())
    two_classes = factors._replace(usable=factors.labels < 2)
    write_in9_set(tmp_path / "set", two_classes, CLASSES, 0)
    assert caplog.records[-1].getMessage() == "fewer than two usable objects, not in the test sets: dog"
