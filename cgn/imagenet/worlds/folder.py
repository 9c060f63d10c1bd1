"""The `folder` world: anyone's photos, `<class>/*.jpg`. Masks and backgrounds are unknown.

Which split a photo is in follows from a hash of its class's and its own name: the same folder gives the same
splits on every machine.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from cgn.errors import UserError
from cgn.imagenet.worlds.index import SPLITS, TEST, Entry, arranged

IMAGE_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff"}  # in lower case


def index_folder(root: Path, validation: float, test: float) -> list[Entry]:
    """All photos of a folder; of each class the shares `validation` and `test` (at least one) are held out.

    Hidden files and folders, and files that are no images by their ending, are ignored. Raises UserError when
    the folder is missing, has fewer than two classes, or a class too few photos for three splits.
    """
    root = Path(root)
    if not root.is_dir():
        raise UserError(f"{root}: no such folder; imagenet.folder.path names one of <class>/*.jpg")
    classes = class_folders(root)
    if len(classes) < 2:
        raise UserError(f"{root}: {len(classes)} classes; a world needs two sub-folders or more, one a class")
    by_class = []
    for folder in classes:
        files = sorted(image_files(folder), key=lambda file: name_hash(file, root))
        held_out = [max(1, round(share * len(files))) for share in (test, validation)]
        if len(files) <= sum(held_out):
            raise UserError(
                f"{folder}: {len(files)} images; a class needs {len(SPLITS)} at least, one a split"
            )
        splits = [TEST] * held_out[0] + ["validation"] * held_out[1]
        splits += ["train"] * (len(files) - len(splits))
        by_class.append([entry(file, root, split) for file, split in zip(files, splits, strict=True)])
    return arranged(by_class)


def class_folders(root: Path) -> list[Path]:
    """The sub-folders of `root`, in the order of their names; hidden ones are none."""
    return sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))


def image_files(folder: Path) -> list[Path]:
    """The images directly in `folder`, by their ending, in the order of their names."""
    return sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".")
    )


def name_hash(file: Path, root: Path) -> bytes:
    """Of the path as seen from `root`: what decides over a photo's split and order."""
    return hashlib.sha256(file.relative_to(root).as_posix().encode()).digest()


def entry(file: Path, root: Path, split: str) -> Entry:
    """The index's entry of a photo; its class is the name of its folder."""
    return Entry(file.relative_to(root).as_posix(), file.parent.name, split, file.stat().st_size)


def class_names(entries: Sequence[Entry]) -> list[str]:
    """The classes in the order of their labels: of their names."""
    return sorted({entry.class_name for entry in entries})
