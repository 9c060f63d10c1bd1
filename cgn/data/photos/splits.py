"""Holds photos out, a share of each class, and keeps near-duplicates in one split.

A hash of a photo's path decides: neither the order of the file system nor a new photo moves the others much.
"""

import hashlib
import logging
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from cgn.data.photos.entries import TEST
from cgn.data.photos.layouts import SPLITS, Photo
from cgn.errors import UserError
from cgn.io.image_folders import Skipped

log = logging.getLogger(__name__)

_HELD_OUT = (TEST, "validation")  # in the order in which they are filled


def place_of(file: Path, root: Path) -> str:
    """The path from `root`, with forward slashes; a file elsewhere keeps its absolute path."""
    return (file.relative_to(root) if file.is_relative_to(root) else file).as_posix()


def name_hash(file: Path, root: Path) -> bytes:
    """The hash of the path relative to `root`, which decides a photo's split and order."""
    return hashlib.sha256(place_of(file, root).encode()).digest()


def without_copies_of_held_out(
    photos: Sequence[Photo], groups: Sequence[int], skipped: Skipped
) -> tuple[list[Photo], list[int]]:
    """Photos of ready-made splits, and their groups, without near-duplicates of photos held out there.

    The test photos stay, then the validation photos; what is left out goes to `skipped`.
    """
    highest: dict[int, int] = defaultdict(int)
    for photo, group in zip(photos, groups, strict=True):
        highest[group] = max(highest[group], SPLITS.index(photo.split or "train"))
    kept = []
    for photo, group in zip(photos, groups, strict=True):
        if SPLITS.index(photo.split or "train") < highest[group]:
            skipped.add(photo.file, "near-duplicates of photos held out")
        else:
            kept.append((photo, group))
    return [photo for photo, _ in kept], [group for _, group in kept]


def split_photos(
    photos: Sequence[Photo], groups: Sequence[int], root: Path, shares: Sequence[float]
) -> list[list[Photo]]:
    """Gives every photo a split: a list of photos for each class, by class, in the order of `name_hash`.

    `groups` (n,) are of `near_duplicates`; `shares` are those of test and validation, at least one photo
    each. A ready-made split stays, and what a class lacks is held out of its training photos. A group is in
    one split: the first of test, validation and training in which it has room, or the one that it has in an
    earlier class. Raises UserError when a class has too few photos, or too few different ones.
    """
    by_class: dict[str, list[tuple[Photo, int]]] = defaultdict(list)
    for photo, group in zip(photos, groups, strict=True):
        by_class[photo.class_name].append((photo, group))
    split_of: dict[int, str] = {}  # of groups
    alone: dict[int, set[str]] = defaultdict(
        set
    )  # the splits that the photos of a group would have by themselves
    found = []
    for name in sorted(by_class):
        members = sorted(by_class[name], key=lambda member: name_hash(member[0].file, root))
        ready = {photo.split for photo, _ in members}
        free = [group for photo, group in members if photo.split in (None, "train")]
        wanted = {
            split: 0 if split in ready else max(1, round(share * len(free)))
            for split, share in zip(_HELD_OUT, shares, strict=True)
        }
        if len(free) <= sum(wanted.values()):
            raise UserError(
                f"{root}: class {name}: {len(members)} images; a class needs {len(SPLITS)} at least,"
                " one a split"
            )
        held_out = [split for split, count in wanted.items() for _ in range(count)]
        for group, split in zip(free, held_out + ["train"] * (len(free) - len(held_out)), strict=True):
            alone[group].add(split)
        _place(free, wanted, split_of, f"{root}: class {name}")
        found.append(
            [
                photo._replace(split=split_of[group]) if photo.split in (None, "train") else photo
                for photo, group in members
            ]
        )
    _log_groups(photos, groups, sum(len(splits) > 1 for splits in alone.values()), root)
    return found


def _place(free: Sequence[int], wanted: dict[str, int], split_of: dict[int, str], where: str) -> None:
    """Adds the splits of the groups `free`, one for each photo of a class in order, to `split_of`."""
    sizes: dict[int, int] = {}  # in order of the groups' first photos
    for group in free:
        sizes[group] = sizes.get(group, 0) + 1
    room = dict(wanted)
    own = [group for group in sizes if group not in split_of]
    for group in sizes.keys() - set(own):
        if split_of[group] in room:
            room[split_of[group]] -= sizes[group]
    for group in own:
        split_of[group] = next((split for split in _HELD_OUT if sizes[group] <= room[split]), "train")
        if split_of[group] != "train":
            room[split_of[group]] -= sizes[group]
    for split in (*(split for split in _HELD_OUT if wanted[split]), "train"):
        if split in {split_of[group] for group in sizes}:
            continue
        # All groups were too large for it: the smallest of a split with two or more goes there.
        spare = [g for g in own if sum(split_of[other] == split_of[g] for other in sizes) > 1]
        if not spare:
            raise UserError(
                f"{where}: {len(free)} images, of which {len(sizes)} are different; a class needs"
                f" {len(SPLITS)} different ones at least, one a split"
            )
        split_of[min(spare, key=lambda group: sizes[group])] = split


def _log_groups(photos: Sequence[Photo], groups: Sequence[int], torn: int, root: Path) -> None:
    classes: dict[int, list[str]] = defaultdict(list)
    for photo, group in zip(photos, groups, strict=True):
        classes[group].append(photo.class_name)
    several = [names for names in classes.values() if len(names) > 1]
    if several:
        log.info(
            "%s: %d photos are near-duplicates, in %d groups, each kept in one split (%d would stand in two);"
            " %d groups are in several classes",
            root, sum(map(len, several)), len(several), torn, sum(len(set(names)) > 1 for names in several),
        )  # fmt: skip
