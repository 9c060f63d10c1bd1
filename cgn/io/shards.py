"""Reads and writes generated images as WebDataset tars, which the library `webdataset` reads as well.

Sample `00000042` is `00000042.png` and `00000042.json`:
{"index": 42, "seed": 0, "labels": {"shape": 3, ...}, "noise": {"shape": 4, ...}}.
"""

import io
import json
import tarfile
from collections.abc import Iterable, Iterator
from itertools import groupby, islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cgn.errors import UserError
from cgn.io.files import atomic_folder
from cgn.io.image_folders import is_hidden
from cgn.io.images import UnreadableImageError, read_image


class Sample(NamedTuple):
    """One image uint8 (height, width, 3) and its metadata: the index, the seed, labels and noise ids."""

    image: NDArray[np.uint8]
    metadata: dict[str, Any]  # with "index", its place in the whole set


def write_shards(folder: Path, samples: Iterable[Sample], images_per_shard: int) -> int:
    """Writes tars `000000.tar`, `000001.tar`, … into a new `folder`. Returns the number of samples.

    The bytes depend on the samples only, because members carry no time and no owner.
    """
    from webdataset import TarWriter

    count = 0
    with atomic_folder(folder) as temporary:
        for number, numbered in groupby(enumerate(samples), lambda pair: pair[0] // images_per_shard):
            with TarWriter(str(temporary / f"{number:06d}.tar"), mtime=0) as shard:
                for _, sample in numbered:
                    key = f"{sample.metadata['index']:08d}"
                    metadata = json.dumps(sample.metadata).encode()
                    shard.write({"__key__": key, "png": _png(sample.image), "json": metadata})
                    count += 1
    return count


def _png(image: NDArray[np.uint8]) -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "png", compress_level=1)
    return buffer.getvalue()


def shard_paths(folder: Path, workers: int = 1) -> list[Path]:
    """The tars of a folder, sorted by name.

    Raises UserError when the folder holds none, or fewer tars than `workers`, each of which needs one.
    """
    shards = sorted(path for path in Path(folder).glob("*.tar") if not is_hidden(path.name))
    if not shards:
        raise UserError(f"{folder}: no .tar shards; run the stage that makes them (dvc repro)")
    if len(shards) < workers:
        raise UserError(
            f"{folder}: {len(shards)} shards for {workers} workers, of which each needs one; take fewer"
            " workers, or a smaller images_per_shard"
        )
    return shards


def count_samples(shard: Path) -> int:
    """Counts the samples of a tar from its headers. Raises UserError when the tar is damaged."""
    try:
        with tarfile.open(shard) as archive:
            return len({key for key, _, _ in _members(archive)})
    except (tarfile.TarError, OSError) as error:
        raise _damaged(shard, error) from None


def iterate(shards: Iterable[Path]) -> Iterator[Sample]:
    """Yields the samples of the shards, in order.

    A sample is two adjacent members with the same key, .png and .json in either order. Raises UserError when
    a shard is damaged or holds anything else.
    """
    for shard in shards:
        try:
            # Members are read but never unpacked, so an archive cannot write outside its folder.
            with tarfile.open(shard) as archive:
                for key, members in _samples(archive):
                    image = read_image(io.BytesIO(members["png"]), f"{key}.png")
                    yield Sample(np.asarray(image), _metadata(members["json"], f"{key}.json"))
        except (tarfile.TarError, OSError, ValueError, UnreadableImageError) as error:
            raise _damaged(shard, error) from None


def _metadata(content: bytes, name: str) -> dict[str, Any]:
    """The metadata of a sample. Raises ValueError when they lack the labels."""
    try:
        metadata: dict[str, Any] = json.loads(content)
        if not metadata["labels"] or {type(label) for label in metadata["labels"].values()} != {int}:
            raise TypeError
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise ValueError(f'{name}: no JSON with {{"labels": {{"shape": 3, ...}}}}') from None
    return metadata


def _samples(archive: tarfile.TarFile) -> Iterator[tuple[str, dict[str, bytes]]]:
    """Yields each sample's key and members by ending. Raises ValueError when .png and .json do not pair."""
    seen = set()
    for key, group in groupby(_members(archive), lambda found: found[0]):
        members: dict[str, bytes] = {}
        for _, ending, member in group:
            content = archive.extractfile(member)
            assert content is not None  # None is for members that are not files
            if ending in members or key in seen:
                raise ValueError(f"{member.name}: its key stands there twice")
            members[ending] = content.read()
        if members.keys() != {"png", "json"}:
            found = ", ".join(f".{ending}" for ending in members)
            raise ValueError(f"{key}: {found} where one .png and one .json should stand together")
        seen.add(key)
        yield key, members


def _members(archive: tarfile.TarFile) -> Iterator[tuple[str, str, tarfile.TarInfo]]:
    """Yields key, ending and header of each file; the name is split as webdataset does."""
    from webdataset.tariterators import base_plus_ext

    for member in archive:
        key, ending = base_plus_ext(member.name)
        if member.isfile() and key is not None and not key.startswith("__"):
            yield key, ending.lower(), member


def _damaged(shard: Path, error: Exception) -> UserError:
    return UserError(f"{shard}: damaged ({error}); delete its folder and run dvc repro")


def read_images(
    shards: Iterable[Path], limit: int | None = None
) -> tuple[NDArray[np.uint8], dict[str, NDArray[np.int64]]]:
    """Reads the images uint8 (n, height, width, 3) of shards, and their labels (n,) by mechanism.

    At most `limit` images are read. Raises UserError when a shard is damaged, when all are empty, or when
    samples differ in size or in the mechanisms that have labels.
    """
    shards = list(shards)
    samples = list(islice(iterate(shards), limit))
    if not samples:
        raise UserError(f"{shards[0].parent}: no samples in its shards; delete it and run dvc repro")
    labels = [sample.metadata["labels"] for sample in samples]
    kinds = {(sample.image.shape, frozenset(row)) for sample, row in zip(samples, labels, strict=True)}
    if len(kinds) > 1:
        raise UserError(
            f"{shards[0].parent}: samples of different sizes or mechanisms; delete it and run dvc repro"
        )
    return (
        np.stack([sample.image for sample in samples]),
        {mechanism: np.array([row[mechanism] for row in labels]) for mechanism in labels[0]},
    )
