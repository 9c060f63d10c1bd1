import csv
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from cgn.data.class_maps import IN9_CLASSES
from cgn.data.photos.index import class_names, index_folder
from cgn.data.photos.photos import read_photos
from cgn.errors import UserError
from tests.unit.data.photos.conftest import Draw


def test_splits_are_stratified_and_stay(draw: Draw, tmp_path: Path) -> None:
    draw(*(f"{name}/{n}.png" for name, count in (("cat", 20), ("dog", 50)) for n in range(count)))
    (tmp_path / "dog" / "notes.txt").write_text("no image")
    draw(".hidden/0.png", "dog/.hidden.png")
    entries = index_folder(tmp_path, validation=0.1, test=0.2)
    assert class_names(entries) == ["cat", "dog"]
    counts = Counter((entry.class_name, entry.split) for entry in entries)
    assert [counts["cat", split] for split in ("train", "validation", "test_images")] == [14, 2, 4]
    assert [counts["dog", split] for split in ("train", "validation", "test_images")] == [35, 5, 10]
    # By the names alone: neither the files' times, nor their order on the disk, nor the folder's own place.
    moved = tmp_path.rename(tmp_path.with_name("moved"))
    assert index_folder(moved, validation=0.1, test=0.2) == entries


def test_a_class_has_an_image_for_every_split(draw: Draw, tmp_path: Path) -> None:
    draw("cat/0.jpg", "cat/1.JPEG", "cat/2.webp", "dog/0.bmp", "dog/1.gif", "dog/2.tiff")
    splits = Counter((entry.class_name, entry.split) for entry in index_folder(tmp_path, 0.1, 0.1))
    assert len(splits) == 6


def test_mistakes_are_named(draw: Draw, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"absent: no such folder; imagenet\.folder\.path"):
        index_folder(tmp_path / "absent", 0.1, 0.1)
    draw("cat/0.jpg", "cat/1.jpg", "cat/2.jpg")
    with pytest.raises(UserError, match="1 classes; a world needs two sub-folders"):
        index_folder(tmp_path, 0.1, 0.1)
    draw("dog/0.jpg", "dog/1.jpg")
    with pytest.raises(UserError, match=r"dog: 2 images; a class needs 3 at least"):
        index_folder(tmp_path, 0.1, 0.1)


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
    entries = index_folder(root, validation=0.1, test=0.2)
    assert len(entries) == 5510
    classes = class_names(entries)
    assert [name[3:] for name in classes] == list(IN9_CLASSES)
    chosen = [entry for entry in entries if entry.split == "validation"][:90]
    world = read_photos(root, chosen, classes, resolution=48)
    assert world["images"].shape == (90, 48, 48, 3)
    assert np.bincount(world["labels"]).tolist() == [10] * 9
    assert world["images"].std() > 40  # they show something
