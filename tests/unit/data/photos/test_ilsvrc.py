from collections import Counter
from pathlib import Path

import pytest

from cgn.data.photos.index import index_ilsvrc
from cgn.errors import UserError
from cgn.io.image_folders import Skipped
from tests.unit.data.photos.conftest import Draw

IDS = ("n01440764", "n01443537")


def test_val_is_the_test_set(draw: Draw, tmp_path: Path) -> None:
    draw(*(f"train/{name}/{name}_{n}.JPEG" for name in IDS for n in range(10)))
    draw(*(f"val/{name}/ILSVRC2012_val_0000000{n}.JPEG" for name in IDS for n in range(3)))
    entries = index_ilsvrc(tmp_path, 0.2, Skipped())
    counts = Counter((entry.class_name, entry.split, entry.path.split("/")[0]) for entry in entries)
    for name in IDS:
        assert counts[name, "train", "train"] == 8
        assert counts[name, "validation", "train"] == 2
        assert counts[name, "test_images", "val"] == 3


def test_mistakes_are_named(draw: Draw, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"train: no classes; imagenet\.ilsvrc\.path holds train/"):
        index_ilsvrc(tmp_path, 0.2, Skipped())
    draw("train/n01440764/a.JPEG", "train/n01440764/b.JPEG", "val/n01440764/a.JPEG", "val/n01443537/a.JPEG")
    with pytest.raises(UserError, match="train and val have different classes, first n01443537"):
        index_ilsvrc(tmp_path, 0.2, Skipped())
    (tmp_path / "train/n01443537").mkdir()
    with pytest.raises(UserError, match="too few images of n01443537"):
        index_ilsvrc(tmp_path, 0.2, Skipped())
