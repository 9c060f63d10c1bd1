"""The index of a world of photos: which files it has, their class and split, and how large each file is.

Photos lie where they lie and are no dependency of the graph, ImageNet least of all; the index is what enters
it. A file that was changed after that shows by its size.
"""

import csv
from collections.abc import Iterable, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple

from tqdm import tqdm

from cgn.errors import UserError
from cgn.io.files import atomic_path

TEST = "test_images"
SPLITS = ("train", "validation", TEST)
HEADER = ["path", "class", "split", "bytes"]


class Entry(NamedTuple):
    """One photo: `path` as seen from the folder of the world, with forward slashes; its size in bytes."""

    path: str
    class_name: str
    split: str
    size: int


def write_index(path: Path, entries: Iterable[Entry]) -> None:
    """Write one line for each entry, in their order, as CSV."""
    with atomic_path(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(HEADER)
        writer.writerows(entries)


def read_index(path: Path, root: Path) -> list[Entry]:
    """What `write_index` wrote, every file of it found below the folder `root` and of the size it had.

    Raises UserError when the index is missing or damaged, or when a file is missing or of another size: the
    first one is named.
    """
    try:
        with Path(path).open(newline="", encoding="utf-8") as stream:
            header, *rows = csv.reader(stream)
        if header != HEADER:
            raise ValueError(f"its columns are {', '.join(header)}")
        entries = [Entry(name, klass, split, int(size)) for name, klass, split, size in rows]
    except FileNotFoundError:
        raise UserError(f"{path}: not found; run the stage imagenet_world (dvc repro)") from None
    except (ValueError, csv.Error) as error:
        raise UserError(f"{path}: not an index ({error}); delete it and run dvc repro") from None
    for entry in tqdm(entries, desc="index", unit="file", delay=5):
        file = Path(root) / entry.path
        size = file.stat().st_size if file.is_file() else None
        if size != entry.size:
            found = "not found" if size is None else f"{size} bytes, {entry.size} when it was indexed"
            raise UserError(f"{file}: {found}; restore it, or make the index anew (docs/imagenet_worlds.md)")
    return entries


def arranged(entries_by_class: Sequence[Sequence[Entry]]) -> list[Entry]:
    """All entries, a split after the other; in a split the first of each class, then the second of each, ...

    So any beginning of a split has about as many of each class, and a small world is the beginning of a
    large one.
    """
    entries = []
    for split in SPLITS:
        of_split = [[entry for entry in one if entry.split == split] for one in entries_by_class]
        ranks = zip_longest(*of_split)
        entries += [entry for rank in ranks for entry in rank if entry is not None]
    return entries
