"""Writes a world of photos: an index of all, and small square images of as many as the budget says."""

import logging
import tarfile
import zlib
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from tqdm import tqdm

from cgn.data.params import WorldBudget
from cgn.data.photos.entries import FILES, INDEX, Entry, class_names, read_entries, write_index
from cgn.data.photos.layouts import SPLITS
from cgn.errors import UserError
from cgn.io.arrays import read_arrays, write_arrays
from cgn.io.files import atomic_folder, leave_out, located, read_json, write_json
from cgn.io.image_folders import Skipped, is_hidden, is_image_name
from cgn.io.images import read_image, square

log = logging.getLogger(__name__)


def write_photo_world(
    folder: Path,
    root: Path,  # of the photos
    entries: Sequence[Entry],
    resolution: int,
    budget: WorldBudget,
    skipped: Skipped,  # files that are not in the index
) -> None:
    """Writes the index, the names of the classes, and each split as arrays to `folder`.

    Beside the index, skipped.csv lists what was left out, if there is any.
    """
    write_index(folder / "index.csv", entries)
    skipped.report(root, folder / "skipped.csv")
    classes = class_names(entries)
    write_json(folder / "classes.json", classes)
    for split, most in zip(SPLITS, (budget.train, budget.validation, budget.test), strict=True):
        chosen = [entry for entry in entries if entry.split == split][:most]
        write_arrays(folder / f"{split}.safetensors", read_photos(root, chosen, classes, resolution))
    for test_set in ("in9", "in9_random_surfaces", "cue_conflict"):
        leave_out(folder / test_set, "photos have no masks, of which such a set is made")
    log.info("%d photos of %d classes are indexed, the world is in %s", len(entries), len(classes), folder)


def read_photos(
    root: Path, entries: Sequence[Entry], classes: Sequence[str], resolution: int
) -> dict[str, NDArray[Any]]:
    """Reads `images` uint8 (n, resolution, resolution, 3) and `labels` int64 (n,), positions in `classes`.

    Raises UserError when a file is not a readable image.
    """
    images = np.empty((len(entries), resolution, resolution, 3), dtype=np.uint8)
    for row, entry in enumerate(tqdm(entries, desc="photos", unit="image", delay=5)):
        images[row] = read_square(root / entry.path, resolution)
    places = {name: place for place, name in enumerate(classes)}
    return {"images": images, "labels": np.array([places[e.class_name] for e in entries], dtype=np.int64)}


def first_images(world: Path, count: int) -> dict[str, NDArray[Any]]:
    """The arrays of a world's training images; if they stay in files, squares of the first `count`."""
    if not (world / FILES).exists():
        return read_arrays(world / "train.safetensors")
    facts, entries = read_json(world / FILES), read_entries(world / INDEX)
    chosen = [entry for entry in entries if entry.split == "train"][:count]
    return read_photos(located(facts["root"]), chosen, class_names(entries), facts["resolution"])


def read_square(file: Path, resolution: int) -> NDArray[np.uint8]:
    """Reads an image file and applies `square`. Raises UserError when it is not a readable image."""
    return square(read_image(file, at_least=2 * resolution), resolution)


def unpack_set(archive: Path, folder: Path, resolution: int) -> None:
    """Writes the images of a tar archive as PNG files, `resolution` pixels squared, to a new `folder`.

    The paths are those in the archive without the top folder; the log counts what is no image to read. Raises
    UserError when the archive is damaged, holds a damaged image, two images of one path, or no image.
    """
    skipped = Skipped()
    try:
        with atomic_folder(folder) as temporary, tarfile.open(archive) as tar:
            for member in tqdm(tar, desc=archive.name, unit="file", delay=5):
                path = PurePosixPath(member.name)
                if member.isdir():
                    continue
                if reason := _why_no_member(member, path):
                    skipped.add(Path(path), reason)
                    continue
                content = tar.extractfile(member)
                assert content is not None  # None is for members that are not files
                pixels = square(read_image(content, f"{archive}: {member.name}"), resolution)
                target = temporary.joinpath(*path.parts[1:]).with_suffix(".png")
                if target.exists():
                    raise ValueError(f"{member.name}: stands there twice")
                target.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(pixels).save(target, compress_level=6)
            if not any(temporary.iterdir()):
                raise ValueError("no images in it")
    except (tarfile.TarError, EOFError, OSError, ValueError, zlib.error) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{archive}: not the archive it should be ({reason}); fetch it again") from None
    if skipped:
        log.warning("%s: skipped: %s", archive, skipped.summary())


def _why_no_member(member: tarfile.TarInfo, path: PurePosixPath) -> str | None:
    if ".." in path.parts:
        return "paths that leave the archive"
    if any(is_hidden(part) for part in path.parts):
        return "hidden"
    if not member.isfile():
        return "no regular files"
    return None if is_image_name(path.name) else "no images by their ending"
