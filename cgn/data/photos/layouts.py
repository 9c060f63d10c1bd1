"""Finds the photos of a folder or a table, the class of each, and its split if that is given.

Four layouts: `<class>/`; ready-made `train/<class>/`, `val/<class>/` and `test/<class>/`, of which only
`train` must be there; Tiny ImageNet's, whose `val` has a list of classes in place of folders; and a CSV file.
Below the folder of a class, photos are at any depth.
"""

import csv
import io
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple
from unicodedata import category

from cgn.data.photos.entries import TEST
from cgn.errors import UserError
from cgn.io.image_folders import (
    Skipped,
    class_folders,
    class_name,
    image_files,
    is_hidden,
    why_no_entry,
    why_skipped,
)

SPLITS = ("train", "validation", TEST)
# Names of split folders, and in a column `split`, in lower case.
_SPLIT_NAMES = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": TEST,
    "testing": TEST,
}
_LIST = "val_annotations.txt"  # Tiny ImageNet's classes of images/: file, class and box, separated by tabs
_NO_TEXT = ("Cc", "Zl", "Zp")  # Unicode's control characters and ends of lines
_LONGEST_NAME = 100  # bytes; the file of a cue-conflict stimulus has two of them
# Columns of a table.
_FILES, _CLASSES = ("file", "filename", "path", "image"), ("class", "label", "class_name")


class Photo(NamedTuple):
    """A photo's file, its class, and its split where the layout gives one."""

    file: Path
    class_name: str
    split: str | None = None


def photo_root(place: Path) -> Path:
    """The folder at which the paths of an index start: `place`, or the folder of the table `place`."""
    return place.parent if place.is_file() else place


def find_photos(place: Path, skipped: Skipped) -> list[Photo]:
    """Finds the photos of the folder or CSV file `place`, sorted by class and path.

    Files that are left out go to `skipped`. Raises UserError when there is no such folder or file, when a
    table is damaged, or when a class has a name that no index and no report can hold.
    """
    if place.is_file():
        found = list(_in_table(place, skipped))
    elif not place.is_dir():
        raise UserError(
            f"{place}: no such folder; imagenet.folder.path names one of <class>/*.jpg, or a CSV file"
        )
    elif splits := _split_folders(place, skipped):
        found = [photo for folder, split in splits for photo in _in_split(folder, split, skipped)]
        trained = {photo.class_name for photo in found if photo.split == "train"}
        for photo in found:
            if photo.class_name not in trained:
                skipped.add(photo.file, "of classes without training photos")
        found = [photo for photo in found if photo.class_name in trained]
    else:
        found = list(_by_class(place, None, skipped))
    for name in sorted({photo.class_name for photo in found}):
        if "/" in name or not name.strip() or is_hidden(name) or any(category(c) in _NO_TEXT for c in name):
            raise UserError(f"{place}: class {name!r}: not a name for a folder of files; rename it")
        if len(name.encode()) > _LONGEST_NAME:
            raise UserError(f"{place}: class {name!r}: longer than {_LONGEST_NAME} bytes; shorten it")
    return sorted(found, key=lambda photo: (photo.class_name, photo.file))


def _split_folders(root: Path, skipped: Skipped) -> list[tuple[Path, str]]:
    """The folders of ready-made splits; none if `root` has other sub-folders as well, or no `train`."""
    folders = [path for path in sorted(root.iterdir()) if why_no_entry(path) is None and path.is_dir()]
    splits = [
        (path, _SPLIT_NAMES[path.name.lower()]) for path in folders if path.name.lower() in _SPLIT_NAMES
    ]
    if len(splits) < len(folders) or "train" not in {split for _, split in splits}:
        return []
    class_folders(root, skipped)  # counts the loose files
    return splits


def _in_split(folder: Path, split: str, skipped: Skipped) -> Iterator[Photo]:
    listed = folder / _LIST
    if not listed.is_file():
        yield from _by_class(folder, split, skipped)
        return
    rows = (line.split("\t") for line in _text(listed).splitlines())
    classes = {row[0]: row[1] for row in rows if len(row) > 1}
    for file in image_files(folder / "images", skipped):
        if file.name in classes:
            yield Photo(file, class_name(classes[file.name]), split)
        else:
            skipped.add(file, f"not in {_LIST}")


def _by_class(root: Path, split: str | None, skipped: Skipped) -> Iterator[Photo]:
    for name, folders in class_folders(root, skipped).items():
        for folder in folders:
            yield from (Photo(file, name, split) for file in image_files(folder, skipped))


def _in_table(table: Path, skipped: Skipped) -> Iterator[Photo]:
    """The photos of a CSV file: columns for file, class and, perhaps, split; paths start at its folder."""
    seen = set()
    for line, row in _rows(table):
        files, classes = ([row[name] for name in known if name in row] for known in (_FILES, _CLASSES))
        if not files or not classes:
            raise UserError(f"{table}: columns {', '.join(row)}; it needs file and class")
        given = row.get("split", "").lower()
        if given and given not in _SPLIT_NAMES:
            raise UserError(f"{table}: line {line}: split {given!r}: not one of {', '.join(_SPLIT_NAMES)}")
        file = table.parent / files[0]
        if reason := "listed twice" if file in seen else why_skipped(file):
            skipped.add(file, reason)
        else:
            seen.add(file)
            yield Photo(file, class_name(classes[0]), _SPLIT_NAMES.get(given))


def _rows(table: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """The lines of a CSV file below its first: the number, and the values by column in lower case."""
    if table.suffix.lower() not in {".csv", ".tsv", ".txt"}:
        raise UserError(f"{table}: neither a folder nor a .csv file of photos and classes; unpack an archive")
    text = _text(table)
    delimiter = max("\t;,", key=text.partition("\n")[0].count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        columns = [column.strip().lower() for column in next(reader, [])]
        for row in filter(None, reader):
            yield (
                reader.line_num,
                {name: value.strip() for name, value in zip_longest(columns, row, fillvalue="")},
            )
    except csv.Error as error:
        raise UserError(f"{table}: line {reader.line_num}: not CSV ({error}); correct it") from None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")  # as spreadsheets write it
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8 at byte {error.start}; save it as UTF-8") from None
