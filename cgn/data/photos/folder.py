"""The `folder` world: anyone's photos, `<class>/*.jpg`. Masks and backgrounds are unknown.

Which split a photo is in follows from a hash of its class's and its own name: the same folder gives the same
splits on every machine.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from cgn.data.photos.index import SPLITS, TEST, Entry, arranged
from cgn.errors import UserError
from cgn.io.images import class_folders, image_files, log_skipped


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
