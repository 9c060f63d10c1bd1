"""Splits: a hash of the path decides, near-duplicates are in one split, ready-made splits stay."""

import hashlib
import itertools
import logging
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pytest

from cgn.data.photos.layouts import Photo
from cgn.data.photos.splits import place_of, split_photos, without_copies_of_held_out
from cgn.errors import UserError
from cgn.io.image_folders import Skipped

ROOT = Path("/photos")
SHARES = (0.2, 0.1)  # of test and validation


def photos_of(**counts: int) -> list[Photo]:
    return [Photo(ROOT / name / f"{n}.jpg", name) for name, count in counts.items() for n in range(count)]


def splits_of(found: list[list[Photo]]) -> dict[str, str]:
    return {place_of(photo.file, ROOT): str(photo.split) for photos in found for photo in photos}


def by_hash_alone(photos: list[Photo]) -> dict[str, str]:
    """The rule for a folder without near-duplicates, which must never change: worlds have these splits."""
    splits = {}
    for _, members in itertools.groupby(photos, lambda photo: photo.class_name):
        places = [place_of(photo.file, ROOT) for photo in members]
        places.sort(key=lambda place: hashlib.sha256(place.encode()).digest())
        test, validation = (max(1, round(share * len(places))) for share in SHARES)
        names = ["test_images"] * test + ["validation"] * validation
        splits |= dict(itertools.zip_longest(places, names, fillvalue="train"))
    return splits


def test_without_near_duplicates_the_hash_of_the_path_decides() -> None:
    photos = photos_of(ant=3, bee=10, cat=57, dog=200)
    assert splits_of(split_photos(photos, range(len(photos)), ROOT, SHARES)) == by_hash_alone(photos)


def test_a_split_that_will_not_change() -> None:
    photos = photos_of(cat=10)
    found = splits_of(split_photos(photos, range(10), ROOT, SHARES))
    held_out = {split: sorted(p for p, s in found.items() if s == split) for split in set(found.values())}
    assert held_out["test_images"] == ["cat/3.jpg", "cat/8.jpg"]
    assert held_out["validation"] == ["cat/0.jpg"]


@pytest.mark.parametrize("seed", range(20))
def test_a_group_is_in_one_split_and_every_class_in_all(seed: int) -> None:
    random = np.random.default_rng(seed)
    photos = photos_of(ant=40, bee=25, cat=60)
    groups = [int(random.integers(100)) for _ in photos]  # some in two classes
    found = split_photos(photos, groups, ROOT, SHARES)
    splits = splits_of(found)
    assert len(splits) == len(photos)
    of_group = defaultdict(set)
    for photo, group in zip(photos, groups, strict=True):
        of_group[group].add(splits[place_of(photo.file, ROOT)])
    assert all(len(found) == 1 for found in of_group.values())
    for of_class in found:
        counts = Counter(photo.split for photo in of_class)
        assert set(counts) == {"train", "validation", "test_images"}
        assert abs(counts["test_images"] - 0.2 * len(of_class)) <= 4
    # Neither the order of the photos nor the numbers of the groups matter.
    shuffled = random.permutation(len(photos))
    again = split_photos([photos[i] for i in shuffled], [1000 - groups[i] for i in shuffled], ROOT, SHARES)
    assert again == found


def test_a_large_group_is_for_training_and_the_rest_stays() -> None:
    photos = photos_of(cat=50)
    alone = by_hash_alone(photos)
    tests = [place for place, split in alone.items() if split == "test_images"]
    burst = {place for place in alone if place == tests[0] or alone[place] == "train"}
    groups = [0 if place_of(p.file, ROOT) in burst else 1 + n for n, p in enumerate(photos)]
    splits = splits_of(split_photos(photos, groups, ROOT, SHARES))
    assert {splits[place] for place in burst} == {"train"}
    assert Counter(splits.values()) == Counter({"test_images": 10, "validation": 4, "train": 36})


def test_pairs_only(caplog: pytest.LogCaptureFixture) -> None:
    """None fits into a validation split of one photo."""
    photos = photos_of(cat=10, dog=10)
    groups = [n // 2 for n in range(20)]
    with caplog.at_level(logging.INFO):
        found = split_photos(photos, groups, ROOT, SHARES)
    for of_class in found:
        assert Counter(photo.split for photo in of_class) == Counter(test_images=2, validation=2, train=6)
    (record,) = caplog.records
    assert "20 photos are near-duplicates, in 10 groups, each kept in one split" in record.getMessage()


def test_the_log_counts_what_would_stand_in_two_splits(caplog: pytest.LogCaptureFixture) -> None:
    photos = photos_of(cat=20, dog=20)
    alone = by_hash_alone(photos)
    place = {split: [p for p in alone if alone[p] == split] for split in ("train", "test_images")}
    cats, dogs = (
        {split: [p for p in places if p.startswith(name)] for split, places in place.items()}
        for name in ("cat", "dog")
    )
    pairs = [
        {cats["train"][0], cats["test_images"][0]},
        {cats["train"][1], cats["train"][2]},
        {cats["train"][3], dogs["test_images"][0]},
    ]
    groups = []
    for number, photo in enumerate(photos):
        found = [n for n, pair in enumerate(pairs) if place_of(photo.file, ROOT) in pair]
        groups.append(100 + found[0] if found else number)
    with caplog.at_level(logging.INFO):
        split_photos(photos, groups, ROOT, SHARES)
    assert caplog.records[0].getMessage() == (
        "/photos: 6 photos are near-duplicates, in 3 groups, each kept in one split (2 would stand in two);"
        " 1 groups are in several classes"
    )


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        ([0, 1], "cat: 2 images; a class needs 3 at least"),
        ([0, 0, 0, 0], "cat: 4 images, of which 1 are different; a class needs 3 different ones"),
        ([0, 0, 1, 1, 1], "cat: 5 images, of which 2 are different; a class needs 3 different ones"),
    ],
)
def test_too_few_are_named(groups: list[int], message: str) -> None:
    with pytest.raises(UserError, match=message):
        split_photos(photos_of(cat=len(groups)), groups, ROOT, SHARES)


def ready(*splits: str | None) -> list[Photo]:
    return [Photo(ROOT / f"{split}/{n}.jpg", "cat", split) for n, split in enumerate(splits)]


def test_ready_made_splits_stay() -> None:
    photos = ready(*["train"] * 20, *["validation"] * 3, *["test_images"] * 5)
    (found,) = split_photos(photos, range(28), ROOT, SHARES)
    assert sorted(found) == sorted(photos)


@pytest.mark.parametrize("missing", ["validation", "test_images"])
def test_a_split_that_is_not_there_is_held_out_of_training(missing: str) -> None:
    there = {"validation": "test_images", "test_images": "validation"}[missing]
    photos = ready(*["train"] * 20, *[there] * 6)
    (found,) = split_photos(photos, range(26), ROOT, SHARES)
    counts = Counter(photo.split for photo in found)
    held_out = {"validation": 2, "test_images": 4}[missing]
    assert counts == Counter({"train": 20 - held_out, missing: held_out, there: 6})
    assert all(photo.split == there for photo in found if photo.file.parent.name == there)


def test_copies_of_held_out_photos_are_left_out() -> None:
    photos = ready("train", "train", "validation", "validation", "test_images", "test_images", None)
    groups = [0, 1, 0, 2, 2, 2, 1]
    skipped = Skipped()
    kept, of_kept = without_copies_of_held_out(photos, groups, skipped)
    assert kept == [photos[1], photos[2], photos[4], photos[5], photos[6]]
    assert of_kept == [1, 0, 2, 2, 1]
    assert skipped.summary() == "2 near-duplicates of photos held out"


def test_a_file_outside_of_the_folder_has_its_own_path() -> None:
    assert place_of(ROOT / "cat/a.jpg", ROOT) == "cat/a.jpg"
    assert place_of(Path("/other/a.jpg"), ROOT) == "/other/a.jpg"
