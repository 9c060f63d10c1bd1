"""The index of a world of photos: path, class, split and size of each file.

Photos are too large to be a dependency of the graph, so the index enters it instead. The recorded size
reveals files that have changed. There are two layouts: `folder`, the user's photos as `<class>/*.jpg`, and
`imagenet`, ILSVRC2012 (Russakovsky et al. 2015) as `train/<WordNet id>/*.JPEG` and `val/<WordNet id>/*.JPEG`.
A hash of a photo's path decides whether it is held out.
"""

import csv
import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple

from tqdm import tqdm

from cgn.errors import UserError
from cgn.io.files import atomic_path
from cgn.io.images import class_folders, image_files, log_skipped

TEST = "test_images"
SPLITS = ("train", "validation", TEST)
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


def arranged(entries_by_class: Sequence[Sequence[Entry]]) -> list[Entry]:
    """Sorts entries by split, and in a split takes the first of each class, then the second of each, ...

    Any beginning of a split is therefore balanced, and a small world is the beginning of a large one.
    """
    entries = []
    for split in SPLITS:
        of_split = [[entry for entry in one if entry.split == split] for one in entries_by_class]
        ranks = zip_longest(*of_split)
        entries += [entry for rank in ranks for entry in rank if entry is not None]
    return entries


def index_folder(root: Path, validation: float, test: float) -> list[Entry]:
    """Indexes a folder of photos; of each class the shares `validation` and `test` are held out.

    Each split has at least one photo of each class. Files that `image_files` skips are left out and logged.
    Raises UserError when the folder is missing, when it has fewer than two classes, or when a class has too
    few photos for three splits.
    """
    root = Path(root)
    if not root.is_dir():
        raise UserError(f"{root}: no such folder; imagenet.folder.path names one of <class>/*.jpg")
    classes = class_folders(root)
    if len(classes) < 2:
        raise UserError(f"{root}: {len(classes)} classes; a world needs two sub-folders or more, one a class")
    by_class, skipped = [], Counter[str]()
    for folder in classes:
        files = sorted(image_files(folder, skipped), key=lambda file: name_hash(file, root))
        held_out = [max(1, round(share * len(files))) for share in (test, validation)]
        if len(files) <= sum(held_out):
            raise UserError(
                f"{folder}: {len(files)} images; a class needs {len(SPLITS)} at least, one a split"
            )
        splits = [TEST] * held_out[0] + ["validation"] * held_out[1]
        splits += ["train"] * (len(files) - len(splits))
        by_class.append([entry(file, root, split) for file, split in zip(files, splits, strict=True)])
    log_skipped(root, skipped)
    return arranged(by_class)


def name_hash(file: Path, root: Path) -> bytes:
    """The hash of the path relative to `root`, which decides a photo's split and order."""
    return hashlib.sha256(file.relative_to(root).as_posix().encode()).digest()


def entry(file: Path, root: Path, split: str) -> Entry:
    """The entry of a photo; its class is the name of its folder."""
    return Entry(file.relative_to(root).as_posix(), file.parent.name, split, file.stat().st_size)


def class_names(entries: Sequence[Entry]) -> list[str]:
    """The classes in the order of their labels, i.e. sorted by name."""
    return sorted({entry.class_name for entry in entries})


def index_ilsvrc(root: Path, validation: float) -> list[Entry]:
    """Indexes ILSVRC2012; holds out the share `validation` of each class's training images, at least one.

    Raises UserError when a folder is missing or empty, when train and val have different classes, or when a
    class has too few images.
    """
    root = Path(root)
    folders = {part: _class_folders(root / part) for part in ("train", "val")}
    if odd := sorted(set(folders["train"]) ^ set(folders["val"])):
        raise UserError(f"{root}: train and val have different classes, first {odd[0]}; unpack both again")
    by_class, skipped = [], Counter[str]()
    for name in tqdm(sorted(folders["train"]), desc="ImageNet", unit="class"):
        training, test = (
            sorted(image_files(folders[part][name], skipped), key=lambda file: name_hash(file, root))
            for part in ("train", "val")
        )
        held_out = max(1, round(validation * len(training)))
        if len(training) <= held_out or not test:
            raise UserError(f"{root}: too few images of {name} in train or val; unpack them again")
        entries = [entry(file, root, "validation") for file in training[:held_out]]
        entries += [entry(file, root, "train") for file in training[held_out:]]
        by_class.append(entries + [entry(file, root, TEST) for file in test])
    log_skipped(root, skipped)
    return arranged(by_class)


def _class_folders(folder: Path) -> dict[str, Path]:
    found = {path.name: path for path in class_folders(folder)} if folder.is_dir() else {}
    if not found:
        raise UserError(f"{folder}: no classes; imagenet.ilsvrc.path holds {folder.name}/<WordNet id>/*.JPEG")
    return found
