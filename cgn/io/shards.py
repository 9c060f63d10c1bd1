"""Reads and writes generated images as WebDataset tars, which the library `webdataset` reads as well.

Sample `00000042` is `00000042.png` and `00000042.json`:
{"index": 42, "seed": 0, "labels": {"shape": 3, ...}, "noise": {"shape": 4, ...}}.
"""

import io
import json
import tarfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from itertools import groupby, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cgn.errors import UserError
from cgn.io.files import atomic_folder
from cgn.io.image_folders import is_hidden
from cgn.io.images import UnreadableImageError, read_image
from cgn.io.places import Place, is_remote, reached


class Sample(NamedTuple):
    """One image uint8 (height, width, 3) and its metadata: the index, the seed, labels and noise ids."""

    image: NDArray[np.uint8]
    metadata: dict[str, Any]  # with "index", its place in the whole set


def write_shards(folder: Place, samples: Iterable[Sample], images_per_shard: int) -> int:
    """Writes tars `000000.tar`, `000001.tar`, … into a new `folder`. Returns the number of samples.

    The bytes depend on the samples only, because members carry no time and no owner. At an address the tars
    are stored one by one, and removed if a later one fails. Raises UserError when it holds tars, or when it
    cannot be written to.
    """
    if is_remote(folder):
        return _upload_shards(str(folder), samples, images_per_shard)
    with atomic_folder(Path(folder)) as temporary:
        return sum(count for _, count in _tars(temporary, samples, images_per_shard))


def _tars(folder: Path, samples: Iterable[Sample], images_per_shard: int) -> Iterator[tuple[Path, int]]:
    """Writes the tars; yields each path and its number of samples."""
    for number, numbered in groupby(enumerate(samples), lambda pair: pair[0] // images_per_shard):
        path = folder / shard_name(number)
        yield path, write_shard(path, (sample for _, sample in numbered))


def shard_name(number: int) -> str:
    """The name of a tar by its number, from 0."""
    return f"{number:06d}.tar"


def write_shard(path: Path, samples: Iterable[Sample]) -> int:
    """Writes one tar. Returns the number of samples.

    Raises OSError, which names no file, when the disk is full.
    """
    from webdataset import TarWriter

    count = 0
    # A file that the writer opens itself is not closed when the disk is full, which Python 3.13 tells.
    with path.open("wb") as stream, TarWriter(stream, mtime=0) as shard:
        for sample in samples:
            key = f"{sample.metadata['index']:08d}"
            metadata = json.dumps(sample.metadata).encode()
            shard.write({"__key__": key, "png": _png(sample.image), "json": metadata})
            count += 1
    return count


def _upload_shards(address: str, samples: Iterable[Sample], images_per_shard: int) -> int:
    total, stored = 0, []
    with reached(address) as files, TemporaryDirectory() as local:
        root = address.rstrip("/")
        if files.glob(f"{root}/*.tar"):
            raise UserError(f"{address}: holds shards; remove them, or choose another place")
        try:
            for path, count in _tars(Path(local), samples, images_per_shard):
                stored.append(f"{root}/{path.name}")
                files.put_file(str(path), stored[-1])
                path.unlink()
                total += count
        except BaseException:
            for name in stored:
                if files.exists(name):
                    files.rm_file(name)
            raise
    return total


def _png(image: NDArray[np.uint8]) -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "png", compress_level=1)
    return buffer.getvalue()


def shard_paths(folder: Place, workers: int = 1, nodes: int = 1) -> list[Place]:
    """The tars of a folder, sorted by name.

    Raises UserError when the folder holds none, or fewer than one for each of `workers` on each of `nodes`.
    """
    shards: list[Place]
    if is_remote(folder):
        with reached(str(folder)) as files:
            found = files.glob(f"{str(folder).rstrip('/')}/*.tar")
            shards = sorted(files.unstrip_protocol(name) for name in found)
    else:
        shards = [*sorted(path for path in Path(folder).glob("*.tar") if not is_hidden(path.name))]
    if not shards:
        raise UserError(f"{folder}: no .tar shards; run the stage that makes them (dvc repro)")
    if len(shards) // nodes < workers:
        each = f" on each of {nodes} nodes" if nodes > 1 else ""
        raise UserError(
            f"{folder}: {len(shards)} shards for {workers} workers{each}, of which each needs one; take fewer"
            " workers, or a smaller images_per_shard"
        )
    return shards


_AS_STREAM = {"http": {"block_size": 0}}  # one request, also from servers that know no ranges


@contextmanager
def _opened(shard: Place) -> Iterator[tarfile.TarFile]:
    """A tar to read from its beginning to its end; nothing of it is unpacked or kept."""
    if is_remote(shard):
        with (
            reached(str(shard)) as files,
            files.open(str(shard), "rb", **_AS_STREAM.get(files.protocol[0], {})) as stream,
            tarfile.open(fileobj=stream, mode="r|") as archive,
        ):
            yield archive
    else:
        with tarfile.open(shard) as archive:
            yield archive


def count_samples(shard: Place) -> int:
    """Counts the samples of a tar from its headers. Raises UserError when the tar is damaged."""
    try:
        with _opened(shard) as archive:
            return len({key for key, _, _ in _members(archive)})
    except (tarfile.TarError, OSError) as error:
        raise _damaged(shard, error) from None


def iterate(shards: Iterable[Place]) -> Iterator[Sample]:
    """Yields the samples of the shards, in order.

    A sample is two adjacent members with the same key, .png and .json in either order. Raises UserError when
    a shard is damaged or holds anything else.
    """
    for shard in shards:
        try:
            # Members are read but never unpacked, so an archive cannot write outside its folder.
            with _opened(shard) as archive:
                content = partial(_content, archive)
                for key, members in _samples(archive, {"png": content, "json": content}):
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


class SamplePlace(NamedTuple):
    """Where the bytes of an image lie in a local tar."""

    shard: str
    start: int
    size: int


def sample_places(shards: Iterable[Path]) -> Iterator[tuple[SamplePlace, dict[str, Any]]]:
    """Yields the place of each image, which is not read, and its metadata. Raises UserError as `iterate`."""
    for shard in shards:
        try:
            with tarfile.open(shard) as archive:

                def place(member: tarfile.TarInfo, of: str = str(shard)) -> SamplePlace:
                    return SamplePlace(of, member.offset_data, member.size)

                json_of = partial(_content, archive)
                for key, members in _samples(archive, {"png": place, "json": json_of}):
                    yield members["png"], _metadata(members["json"], f"{key}.json")
        except (tarfile.TarError, OSError, ValueError) as error:
            raise _damaged(shard, error) from None


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    content = archive.extractfile(member)
    assert content is not None  # None is for members that are not files
    return content.read()


def _samples(
    archive: tarfile.TarFile, read: Mapping[str, Callable[[tarfile.TarInfo], Any]]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yields each sample's key, and its members by ending, read by the function `read[ending]`.

    They are read at once, for a stream cannot go back. Raises ValueError when .png and .json do not pair.
    """
    seen = set()
    for key, group in groupby(_members(archive), lambda found: found[0]):
        members: dict[str, Any] = {}
        for _, ending, member in group:
            if ending in members or key in seen:
                raise ValueError(f"{member.name}: its key stands there twice")
            members[ending] = read[ending](member) if ending in read else None
        if members.keys() != read.keys():
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


def _damaged(shard: Place, error: Exception) -> UserError:
    return UserError(f"{shard}: damaged ({error}); delete its folder and run dvc repro")


def read_images(
    shards: Iterable[Place], limit: int | None = None
) -> tuple[NDArray[np.uint8], dict[str, NDArray[np.int64]]]:
    """Reads the images uint8 (n, height, width, 3) of shards, and their labels (n,) by mechanism.

    At most `limit` images are read. Raises UserError when a shard is damaged, when all are empty, or when
    samples differ in size or in the mechanisms that have labels.
    """
    shards = list(shards)
    samples = list(islice(iterate(shards), limit))
    if not samples:
        raise UserError(f"{shards[0]}: no samples in its shards; delete them and run dvc repro")
    labels = [sample.metadata["labels"] for sample in samples]
    kinds = {(sample.image.shape, frozenset(row)) for sample, row in zip(samples, labels, strict=True)}
    if len(kinds) > 1:
        raise UserError(f"{shards[0]}: samples of different sizes or mechanisms; delete it and run dvc repro")
    return (
        np.stack([sample.image for sample in samples]),
        {mechanism: np.array([row[mechanism] for row in labels]) for mechanism in labels[0]},
    )
