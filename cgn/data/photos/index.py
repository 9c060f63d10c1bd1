"""The index of a world of photos: path, class, split and size of each file.

Photos are too large to be a dependency of the graph, so the index enters it instead. The recorded size
reveals files that have changed. There are two kinds: the user's photos, in the layouts of
`cgn.data.photos.layouts`, and ILSVRC2012 (Russakovsky et al. 2015) as `train/<WordNet id>/*.JPEG` and
`val/<WordNet id>/*.JPEG`.
"""

from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path

from tqdm import tqdm

from cgn.data.photos.entries import TEST, Entry
from cgn.data.photos.layouts import SPLITS, Photo, find_photos, photo_root
from cgn.data.photos.near_duplicates import Look, group_near_duplicates, look_at_all
from cgn.data.photos.splits import name_hash, place_of, split_photos, without_copies_of_held_out
from cgn.errors import UserError
from cgn.io.image_folders import Skipped, class_folders, image_files


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


def index_folder(place: Path, validation: float, test: float, skipped: Skipped) -> list[Entry]:
    """Indexes the photos of a folder or CSV file; the shares `validation` and `test` of a class are held out.

    Each split has at least one photo of each class, ready-made splits stay, and near-duplicates are in one
    split. All photos are read once; those that cannot be read, and all other files, go to `skipped`. Raises
    UserError as `find_photos` and `split_photos`, and when there are fewer than two classes.
    """
    photos, looks = find_photos(place, skipped), []
    readable = []
    for photo, look in zip(photos, look_at_all([photo.file for photo in photos]), strict=True):
        if isinstance(look, Look):
            readable.append(photo)
            looks.append(look)
        else:
            skipped.add(photo.file, "not readable", look.reason)
    classes = sorted({photo.class_name for photo in readable})
    if len(classes) < 2:
        raise UserError(
            f"{place}: {len(classes)} classes; a world needs two sub-folders with photos or more, one a class"
            f" (skipped: {skipped.summary()})"
        )
    root, groups = photo_root(place), group_near_duplicates(looks)
    if any(photo.split for photo in readable):
        readable, groups = without_copies_of_held_out(readable, groups, skipped)
    by_class = split_photos(readable, groups, root, (test, validation))
    return arranged([[entry(photo, root) for photo in photos] for photos in by_class])


def entry(photo: Photo, root: Path) -> Entry:
    """The entry of a photo that has a split."""
    size = photo.file.stat().st_size
    return Entry(place_of(photo.file, root), photo.class_name, photo.split or "train", size)


def index_ilsvrc(root: Path, validation: float, skipped: Skipped) -> list[Entry]:
    """Indexes ILSVRC2012; holds out the share `validation` of each class's training images, at least one.

    Files that are no images go to `skipped`; images are not read. Raises UserError when a folder is missing
    or empty, when train and val have different classes, or when a class has too few images.
    """
    root = Path(root)
    folders = {part: _class_folders(root / part, skipped) for part in ("train", "val")}
    if odd := sorted(set(folders["train"]) ^ set(folders["val"])):
        raise UserError(f"{root}: train and val have different classes, first {odd[0]}; unpack both again")
    by_class = []
    for name in tqdm(sorted(folders["train"]), desc="ImageNet", unit="class"):
        training, held_out = (
            sorted(
                (file for folder in folders[part][name] for file in image_files(folder, skipped)),
                key=lambda file: name_hash(file, root),
            )
            for part in ("train", "val")
        )
        count = max(1, round(validation * len(training)))
        if len(training) <= count or not held_out:
            raise UserError(f"{root}: too few images of {name} in train or val; unpack them again")
        splits = ["validation"] * count + ["train"] * (len(training) - count) + [TEST] * len(held_out)
        found = zip([*training, *held_out], splits, strict=True)
        by_class.append([entry(Photo(file, name, split), root) for file, split in found])
    return arranged(by_class)


def _class_folders(folder: Path, skipped: Skipped) -> dict[str, list[Path]]:
    found = class_folders(folder, skipped) if folder.is_dir() else {}
    if not found:
        raise UserError(f"{folder}: no classes; imagenet.ilsvrc.path holds {folder.name}/<WordNet id>/*.JPEG")
    return found
