from pathlib import Path

import pytest

from cgn.data.photos.entries import Entry, read_index, write_index
from cgn.data.photos.index import arranged
from cgn.errors import UserError


def indexed(tmp_path: Path) -> list[Entry]:
    """The index of two files of 3 and 4 bytes at tmp_path/index.csv."""
    names = ("cat/a, b.jpg", "dog/ü.jpg")
    for name, size in zip(names, (3, 4), strict=True):
        file = tmp_path / name
        file.parent.mkdir()
        file.write_bytes(b"x" * size)
    entries = [Entry(names[0], "cat", "train", 3), Entry(names[1], "dog", "test_images", 4)]
    write_index(tmp_path / "index.csv", entries)
    return entries


def test_round_trip(tmp_path: Path) -> None:
    entries = indexed(tmp_path)
    assert read_index(tmp_path / "index.csv", tmp_path) == entries
    assert (tmp_path / "index.csv").read_text().splitlines()[0] == "path,class,split,bytes"


def test_a_file_that_changed_is_named(tmp_path: Path) -> None:
    indexed(tmp_path)
    (tmp_path / "dog/ü.jpg").write_bytes(b"xx")
    with pytest.raises(UserError, match=r"dog/ü\.jpg: 2 bytes, 4 when it was indexed; restore it"):
        read_index(tmp_path / "index.csv", tmp_path)
    (tmp_path / "dog/ü.jpg").unlink()
    with pytest.raises(UserError, match=r"dog/ü\.jpg: not found; restore it"):
        read_index(tmp_path / "index.csv", tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "not found; run the stage imagenet_world"),
        ("", "not an index"),
        ("a,b\n", r"not an index \(its columns are a, b\)"),
        ("path,class,split,bytes\na,b,c\n", "not an index"),
        ("path,class,split,bytes\na,b,c,many\n", "not an index"),
    ],
)
def test_a_damaged_index_is_one_line(text: str | None, message: str, tmp_path: Path) -> None:
    if text is not None:
        (tmp_path / "index.csv").write_text(text)
    with pytest.raises(UserError, match=rf"index\.csv: {message}") as caught:
        read_index(tmp_path / "index.csv", tmp_path)
    assert "\n" not in str(caught.value)


def test_any_beginning_of_a_split_has_all_classes() -> None:
    counts = {"cat": (3, 1, 5), "dog": (4, 2, 1), "emu": (9, 3, 2)}
    by_class = [
        [
            Entry(f"{name}/{split}{number}", name, split, 1)
            for split, count in zip(("train", "validation", "test_images"), splits, strict=True)
            for number in range(count)
        ]
        for name, splits in counts.items()
    ]
    entries = arranged(by_class)
    assert sorted(entries) == sorted(entry for one in by_class for entry in one)
    for split in ("train", "validation", "test_images"):
        first = [entry.class_name for entry in entries if entry.split == split][:3]
        assert first == ["cat", "dog", "emu"]
