"""Finds image files in folders as people have them, and keeps account of what is left out, and why.

One rule for photos, textures and test sets: a file is an image by its ending, sub-folders are read as well,
and hidden files, masks, links to nothing and names that are no UTF-8 are left out.
"""

import csv
import logging
import unicodedata
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from cgn.errors import UserError
from cgn.io.files import atomic_path, is_utf_8, printable
from cgn.io.images import reads_heic

_HEIC = (".heic", ".heif")
# In lower case.
SUFFIXES = (".jpg", ".jpeg", ".jfif", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff", *_HEIC)
MASK_ENDING = "_mask.png"  # of a user's own mask, beside the photo
# What systems leave in folders, beside names with a leading dot; the last three are folders of thumbnails.
_HIDDEN = ("thumbs.db", "desktop.ini", "__macosx", "@eadir", "$recycle.bin")

log = logging.getLogger(__name__)


class Skipped:
    """The files and folders that were found and not read, each with its reason, a phrase in the plural."""

    def __init__(self) -> None:
        self._found: dict[Path, tuple[str, str]] = {}

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self._found)

    def add(self, path: Path, reason: str, detail: str = "") -> None:
        """Notes one entry; a second time it counts no more."""
        self._found.setdefault(path, (reason, detail))

    def summary(self) -> str:
        """The counts in words, "nothing" if there are none."""
        counts = Counter(reason for reason, _ in self._found.values())
        return ", ".join(f"{count} {reason}" for reason, count in sorted(counts.items())) or "nothing"

    def report(self, root: Path, table: Path) -> None:
        """Logs the counts in one line, and lists all entries in the CSV file `table`.

        If there are none, nothing is logged, and a `table` of an earlier run is removed. Paths below `root`
        are written relative to it.
        """
        if not self._found:
            table.unlink(missing_ok=True)
            return
        log.warning("%s: skipped: %s; listed in %s", root, self.summary(), table)
        with atomic_path(table) as temporary, temporary.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.writer(stream, lineterminator="\n")
            writer.writerow(["path", "reason", "detail"])
            for path, (reason, detail) in self._found.items():
                inside = path.relative_to(root) if path.is_relative_to(root) else path
                writer.writerow([printable(inside), reason, detail])


def is_image_name(name: str) -> bool:
    """Whether a file of this name counts as an image: by its ending, neither hidden nor a mask."""
    lower = name.lower()
    return not is_hidden(name) and lower.endswith(SUFFIXES) and not lower.endswith(MASK_ENDING)


def image_files(folder: Path, skipped: Skipped) -> list[Path]:
    """The image files below `folder`, at any depth, sorted by path; what is no image goes to `skipped`."""
    return list(_images_below(folder, skipped, ()))


def _images_below(folder: Path, skipped: Skipped, above: tuple[Path, ...]) -> Iterator[Path]:
    place = folder.resolve()
    if place in above:
        skipped.add(folder, "links in a circle")
        return
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        skipped.add(folder, "folders that cannot be opened", str(error.strerror))
        return
    for path in entries:
        if reason := why_no_entry(path):
            skipped.add(path, reason)
        elif path.is_dir():
            yield from _images_below(path, skipped, (*above, place))
        elif reason := _why_no_image(path):
            skipped.add(path, reason)
        else:
            yield path


def why_skipped(path: Path) -> str | None:
    """The reason why a file is no image to read, None if it is one."""
    return why_no_entry(path) or _why_no_image(path)


def why_no_entry(path: Path) -> str | None:
    """The reason why neither a file nor a folder of this path is looked at, None if it is."""
    if is_hidden(path.name):
        return "hidden"
    if not is_utf_8(path.name):
        return "names that are no UTF-8"
    try:
        return None if path.exists() else "links to nothing" if path.is_symlink() else "not found"
    except OSError:
        return "not to be opened"


def _why_no_image(path: Path) -> str | None:
    name = path.name.lower()
    if not name.endswith(SUFFIXES):
        return "no images by their ending"
    if name.endswith(MASK_ENDING):
        return "masks"
    if name.endswith(_HEIC) and not reads_heic():
        return "HEIC, which needs the package pillow-heif"
    return None if path.is_file() else "no regular files"


def class_folders(root: Path, skipped: Skipped) -> dict[str, list[Path]]:
    """The sub-folders of `root` by class, sorted; files beside them go to `skipped`.

    A class has the name of its folder in Unicode's normal form C. It has two folders if the same name stands
    there in two forms. Raises UserError for a name that is no UTF-8, because index and report could not hold
    it.
    """
    found: dict[str, list[Path]] = {}
    for path in sorted(root.iterdir()):
        if path.is_dir() and not is_utf_8(path.name):
            raise UserError(f"{printable(path)}: the name is no UTF-8; rename the folder")
        if reason := why_no_entry(path):
            skipped.add(path, reason)
        elif path.is_dir():
            found.setdefault(class_name(path.name), []).append(path)
        else:
            skipped.add(path, _why_no_image(path) or "images outside of a class folder")
    return dict(sorted(found.items()))


def class_name(name: str) -> str:
    """The name of a class in Unicode's normal form C, in which equal names are equal texts."""
    return unicodedata.normalize("NFC", name)


def is_hidden(name: str) -> bool:
    """Whether a file or folder of this name is hidden, or made by a system for itself."""
    return name.startswith(".") or name.lower() in _HIDDEN
