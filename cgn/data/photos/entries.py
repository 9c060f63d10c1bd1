"""The index of a world of photos: a line for each, in a CSV file."""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from tqdm import tqdm

from cgn.errors import UserError
from cgn.io.files import atomic_path

INDEX = "index.csv"
TEST = "test_images"  # the split of a world of photos
# Of a world whose images stay in files: a description, and tars of these files, if they are packed: in a
# folder for each split, and beside it arrays of the places and labels of its images.
FILES, PACKED = "files.json", "packed"
HEADER = ["path", "class", "split", "bytes"]


class Entry(NamedTuple):
    """One photo. `path` is relative to the world's folder, with forward slashes; `size` is in bytes."""

    path: str
    class_name: str
    split: str
    size: int


def write_index(path: Path, entries: Iterable[Entry]) -> None:
    """Writes one line for each entry, in order, as CSV."""
    with atomic_path(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(HEADER)
        writer.writerows(entries)


def read_entries(path: Path) -> list[Entry]:
    """Reads an index of `write_index`. Raises UserError when it is missing or damaged."""
    try:
        with Path(path).open(newline="", encoding="utf-8") as stream:
            header, *rows = csv.reader(stream)
        if header != HEADER:
            raise ValueError(f"its columns are {', '.join(header)}")
        return [Entry(name, klass, split, int(size)) for name, klass, split, size in rows]
    except FileNotFoundError:
        raise UserError(f"{path}: not found; run the stage imagenet_world (dvc repro)") from None
    except (ValueError, csv.Error) as error:
        raise UserError(f"{path}: not an index ({error}); delete it and run dvc repro") from None


def read_index(path: Path, root: Path) -> list[Entry]:
    """Reads an index of `write_index` and checks that every file is below `root` and has the recorded size.

    Raises UserError as `read_entries`, and for the first file that is missing or of another size.
    """
    entries = read_entries(path)
    for entry in tqdm(entries, desc="index", unit="file", delay=5):
        file = Path(root) / entry.path
        size = file.stat().st_size if file.is_file() else None
        if size != entry.size:
            found = "not found" if size is None else f"{size} bytes, {entry.size} when it was indexed"
            raise UserError(f"{file}: {found}; restore it, or make the index anew (docs/imagenet_worlds.md)")
    return entries


def class_names(entries: Sequence[Entry]) -> list[str]:
    """The classes in the order of their labels, i.e. sorted by name."""
    return sorted({entry.class_name for entry in entries})
