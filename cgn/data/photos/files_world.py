"""Writes a world whose images stay in their files, as ImageNet's, or are packed, as they are, into tars.

The tars are WebDataset's: `<key>.jpg` and its label, `<key>.cls`.
"""

import logging
import tarfile
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from cgn.data.params import ILSVRCParams, WorldBudget
from cgn.data.photos.entries import FILES, INDEX, PACKED, Entry, class_names, write_index
from cgn.data.photos.layouts import SPLITS
from cgn.data.photos.photos import unpack_set
from cgn.errors import UserError
from cgn.io.arrays import write_arrays
from cgn.io.files import atomic_folder, leave_out, located, write_json
from cgn.io.image_folders import Skipped

log = logging.getLogger(__name__)

_IMAGES_PER_TAR = 5000  # half a gigabyte, as ImageNet's images are
_FEWEST_TARS = 8


def write_files_world(
    folder: Path,
    params: ILSVRCParams,
    entries: Sequence[Entry],
    budget: WorldBudget,
    archives: Mapping[str, Path],  # of the published test sets, by name
    skipped: Skipped,  # files that are not in the index
) -> None:
    """Writes an index of the images, the names of the classes and the test sets to `folder`.

    No image is decoded but those of the test sets. Raises UserError when a file that is packed is missing or
    changed, or as `unpack_set`.
    """
    root, classes = located(str(params.path)), class_names(entries)
    most = dict(zip(SPLITS, (budget.train, budget.validation, budget.test), strict=True))
    splits = {
        name: [entry for entry in entries if entry.split == name][:count] for name, count in most.items()
    }
    with atomic_folder(folder) as world:
        write_index(world / INDEX, [entry for some in splits.values() for entry in some])
        write_json(world / "classes.json", classes)
        write_json(world / FILES, {"root": params.path, "resolution": params.resolution})
        for name, archive in archives.items():
            unpack_set(archive, world / name, params.resolution)
        leave_out(world / "in9_random_surfaces", "the objects of the published IN-9 cannot be repainted")
        if params.pack:
            places = {name: place for place, name in enumerate(classes)}
            for name, some in splits.items():
                labels = np.array([places[entry.class_name] for entry in some], np.int64)
                _pack(world / PACKED, name, root, some, labels)
    skipped.report(root, folder / "skipped.csv")
    log.info("%d images of %d classes are indexed in %s", len(entries), len(classes), folder)


def _pack(folder: Path, split: str, root: Path, entries: Sequence[Entry], labels: NDArray[np.int64]) -> None:
    """Writes the files below `root` to tars, in order, and where each image lies."""
    (folder / split).mkdir(parents=True)
    each = max(1, min(_IMAGES_PER_TAR, len(entries) // _FEWEST_TARS))
    rows = tqdm(list(enumerate(entries)), desc=f"packing {split}", unit="image", delay=5)
    places: list[tuple[int, int, int]] = []
    for number, some in groupby(rows, lambda pair: pair[0] // each):
        tar = folder / split / f"{number:06d}.tar"
        _write_tar(tar, ((row, root / entry.path, entry.size) for row, entry in some), labels)
        with tarfile.open(tar) as archive:
            images = (member for member in archive if member.name.endswith(".jpg"))
            places += [(number, member.offset_data, member.size) for member in images]
    columns = dict(zip(("shard", "start", "size"), np.array(places, np.int64).T.copy(), strict=True))
    write_arrays(folder / f"{split}.safetensors", columns | {"labels": labels})


def _write_tar(path: Path, files: Iterable[tuple[int, Path, int]], labels: NDArray[np.int64]) -> None:
    from webdataset import TarWriter

    with TarWriter(str(path), mtime=0, encoder=False) as writer:
        for row, file, size in files:
            try:
                content = file.read_bytes()
            except OSError as error:
                raise UserError(f"{file}: {error.strerror}; restore it") from None
            if len(content) != size:
                raise UserError(f"{file}: {len(content)} bytes, {size} when it was indexed; restore it")
            writer.write({"__key__": f"{row:08d}", "jpg": content, "cls": str(labels[row]).encode()})
