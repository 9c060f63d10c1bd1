import csv
import shutil
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cgn.data.class_maps import IN9_CLASSES
from cgn.data.photos.entries import class_names
from cgn.data.photos.index import index_folder
from cgn.data.photos.photos import read_photos
from cgn.errors import UserError
from cgn.io.image_folders import Skipped
from tests.unit.data.photos.conftest import Draw


def test_splits_are_stratified_and_stay(draw: Draw, tmp_path: Path) -> None:
    draw(*(f"{name}/{n}.png" for name, count in (("cat", 20), ("dog", 50)) for n in range(count)))
    (tmp_path / "dog" / "notes.txt").write_text("no image")
    draw(".hidden/0.png", "dog/.hidden.png")
    entries = index_folder(tmp_path, validation=0.1, test=0.2, skipped=Skipped())
    assert class_names(entries) == ["cat", "dog"]
    counts = Counter((entry.class_name, entry.split) for entry in entries)
    assert [counts["cat", split] for split in ("train", "validation", "test_images")] == [14, 2, 4]
    assert [counts["dog", split] for split in ("train", "validation", "test_images")] == [35, 5, 10]
    # By the names alone: neither the files' times, nor their order on the disk, nor the folder's own place.
    moved = tmp_path.rename(tmp_path.with_name("moved"))
    assert index_folder(moved, validation=0.1, test=0.2, skipped=Skipped()) == entries


def test_broken_files_and_copies(draw: Draw, tmp_path: Path) -> None:
    """As a stranger's folder: formats, sizes, sub-folders, broken files, copies in two classes."""
    draw(*(f"cat/{n}.{form}" for n, form in enumerate(["jpg", "png", "webp", "bmp", "gif", "tif"] * 5)))
    draw(*(f"dog/may/{n}.jpg" for n in range(20)), size=(300, 200))
    for copy in ("dog/copy.jpg", "cat/deep/copy.png"):
        (tmp_path / copy).parent.mkdir(exist_ok=True)
        with Image.open(tmp_path / "dog/may/3.jpg") as image:
            image.save(tmp_path / copy)
    (tmp_path / "cat/broken.jpg").write_bytes((tmp_path / "cat/0.jpg").read_bytes()[:300])
    (tmp_path / "dog/empty.png").touch()
    (tmp_path / "dog/may/0_mask.png").touch()
    skipped = Skipped()
    entries = index_folder(tmp_path, 0.1, 0.2, skipped)
    assert skipped.summary() == "1 masks, 2 not readable"
    assert len(entries) == 30 + 20 + 2
    copies = ("dog/may/3.jpg", "dog/copy.jpg", "cat/deep/copy.png")
    assert len({entry.split for entry in entries if entry.path in copies}) == 1
    classes = class_names(entries)
    assert len(read_photos(tmp_path, entries, classes, resolution=32)["labels"]) == len(entries)


def test_a_table_of_photos(draw: Draw, tmp_path: Path) -> None:
    draw(*(f"all photos/{n}.png" for n in range(20)))
    rows = [f"all photos/{n}.png;{'Bär' if n % 2 else 'Katze'}" for n in range(20)]
    (tmp_path / "photos.csv").write_text("\n".join(["file;class", *rows]), encoding="utf-8")
    entries = index_folder(tmp_path / "photos.csv", 0.1, 0.2, Skipped())
    assert class_names(entries) == ["Bär", "Katze"]
    assert {entry.path for entry in entries} == {f"all photos/{n}.png" for n in range(20)}
    assert Counter(entry.split for entry in entries) == Counter(train=14, validation=2, test_images=4)


def test_a_ready_made_tree_without_copies_of_its_test_photos(draw: Draw, tmp_path: Path) -> None:
    draw(*(f"{split}/{name}/{n}.png" for split in ("train", "test") for name in "ab" for n in range(9)))
    shutil.copy(tmp_path / "test/a/0.png", tmp_path / "train/a/again.png")
    skipped = Skipped()
    entries = index_folder(tmp_path, 0.1, 0.2, skipped)
    assert skipped.summary() == "1 near-duplicates of photos held out"
    splits = Counter((entry.path.split("/")[0], entry.split) for entry in entries)
    assert splits == Counter(
        {("test", "test_images"): 18, ("train", "validation"): 2, ("train", "train"): 16}
    )


def test_a_class_has_an_image_for_every_split(draw: Draw, tmp_path: Path) -> None:
    draw("cat/0.jpg", "cat/1.JPEG", "cat/2.webp", "dog/0.bmp", "dog/1.gif", "dog/2.tiff")
    splits = Counter(
        (entry.class_name, entry.split) for entry in index_folder(tmp_path, 0.1, 0.1, skipped=Skipped())
    )
    assert len(splits) == 6


def test_mistakes_are_named(draw: Draw, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"absent: no such folder; imagenet\.folder\.path"):
        index_folder(tmp_path / "absent", 0.1, 0.1, skipped=Skipped())
    draw("cat/0.jpg", "cat/1.jpg", "cat/2.jpg")
    with pytest.raises(UserError, match=r"1 classes; a world needs two sub-folders .* \(skipped: nothing\)"):
        index_folder(tmp_path, 0.1, 0.1, skipped=Skipped())
    draw("dog/0.jpg", "dog/1.jpg")
    with pytest.raises(UserError, match=r"dog: 2 images; a class needs 3 at least"):
        index_folder(tmp_path, 0.1, 0.1, skipped=Skipped())


def test_real_photos(shared_data: Path, tmp_path: Path) -> None:
    source = shared_data / "tiny_imagenet_in9"
    with zipfile.ZipFile(source / "images.zip") as archive:
        archive.extractall(tmp_path / "flat")
    root = tmp_path / "tree"
    with (source / "labels.tsv").open(newline="") as stream:
        for row in csv.DictReader(stream, delimiter="\t"):
            folder = root / f"{int(row['in9_index']):02d}_{IN9_CLASSES[int(row['in9_index'])]}"
            folder.mkdir(parents=True, exist_ok=True)
            (folder / row["file"]).symlink_to(tmp_path / "flat" / row["split"] / row["file"])
    entries = index_folder(root, validation=0.1, test=0.2, skipped=Skipped())
    assert len(entries) == 5510
    classes = class_names(entries)
    assert [name[3:] for name in classes] == list(IN9_CLASSES)
    chosen = [entry for entry in entries if entry.split == "validation"][:90]
    world = read_photos(root, chosen, classes, resolution=48)
    assert world["images"].shape == (90, 48, 48, 3)
    assert np.bincount(world["labels"]).tolist() == [10] * 9
    assert world["images"].std() > 40  # they show something
