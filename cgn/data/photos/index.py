"""The index of a world of photos: which files it has, their class and split, and how large each file is.

Photos lie where they lie and are no dependency of the graph, ImageNet least of all; the index is what enters
it. A file that was changed after that shows by its size. Two layouts are known: `folder`, anyone's photos as
`<class>/*.jpg`, and `imagenet`, ILSVRC2012 (Russakovsky et al. 2015) as `train/<WordNet id>/*.JPEG` and
`val/<WordNet id>/*.JPEG`. A hash of a photo's path decides whether it is held out.
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


def index_folder(root: Path, validation: float, test: float) -> list[Entry]:
    """All photos of a folder; of each class the shares `validation` and `test` (at least one) are held out.

    What is no image by its ending, is hidden or cannot be named is left out, which the log tells. Raises
    UserError when the folder is missing, has fewer than two classes, or a class too few photos for three
    splits.
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
    """Of the path as seen from `root`: what decides over a photo's split and order."""
    return hashlib.sha256(file.relative_to(root).as_posix().encode()).digest()


def entry(file: Path, root: Path, split: str) -> Entry:
    """The index's entry of a photo; its class is the name of its folder."""
    return Entry(file.relative_to(root).as_posix(), file.parent.name, split, file.stat().st_size)


def class_names(entries: Sequence[Entry]) -> list[str]:
    """The classes in the order of their labels: of their names."""
    return sorted({entry.class_name for entry in entries})


def index_ilsvrc(root: Path, validation: float) -> list[Entry]:
    """All images; of each class the share `validation` of the training images (at least one) is held out.

    Raises UserError when a folder is missing or empty, or when train and val have other classes.
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
