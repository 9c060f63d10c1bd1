"""WebDataset tars of generated images, which plain `webdataset` reads without any code of ours.

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

from cgn.common.files import atomic_folder
from cgn.common.png import encode_png
from cgn.errors import UserError


class Sample(NamedTuple):
    """One image uint8 (height, width, 3) and what made it."""

    image: NDArray[np.uint8]
    metadata: dict[str, Any]  # with "index", its place in the whole set


def write_shards(folder: Path, samples: Iterable[Sample], images_per_shard: int) -> int:
    """Write tars `000000.tar`, `000001.tar`, … into a new `folder`; returns the number of samples.

    The bytes depend on the samples alone: members carry no time, owner or machine.
    """
    count = 0
    with atomic_folder(folder) as temporary:
        for number, numbered in groupby(enumerate(samples), lambda pair: pair[0] // images_per_shard):
            with (temporary / f"{number:06d}.tar").open("wb") as shard:
                for _, sample in numbered:
                    key = f"{sample.metadata['index']:08d}"
                    shard.write(_member(f"{key}.json", json.dumps(sample.metadata).encode()))
                    shard.write(_member(f"{key}.png", encode_png(sample.image)))
                    count += 1
                shard.write(bytes(2 * tarfile.BLOCKSIZE))  # the end of a tar
    return count


def _member(name: str, data: bytes) -> bytes:
    """A file as it stands in a tar (POSIX ustar): header, `data`, zeros up to a whole block.

    `tarfile` writes the same more slowly than all else that a small image needs (benchmarks/speed.py).
    """
    header = bytearray(_HEADER)
    header[: len(name)] = name.encode()
    header[124:135] = b"%011o" % len(data)
    header[148:156] = b"%06o\0 " % sum(header)  # the checksum, for which its own field counts as spaces
    return b"".join((header, data, bytes(-len(data) % tarfile.BLOCKSIZE)))


def _header() -> bytes:
    """A header without name and size, its checksum's field blank."""
    info = tarfile.TarInfo()
    info.mode = 0o444
    header = info.tobuf(tarfile.USTAR_FORMAT)
    return header[:148] + b" " * 8 + header[156:]


_HEADER = _header()


def shard_paths(folder: Path) -> list[Path]:
    """The tars of a folder, in order. Raises UserError when it holds none."""
    shards = sorted(Path(folder).glob("*.tar"))
    if not shards:
        raise UserError(f"{folder}: no .tar shards; run the stage that makes them (dvc repro)")
    return shards


def count_samples(shard: Path) -> int:
    """How many samples a tar holds, from its headers alone. Raises UserError when it is damaged."""
    try:
        with tarfile.open(shard) as archive:
            return len(archive.getnames()) // 2
    except (tarfile.TarError, OSError) as error:
        raise _damaged(shard, error) from None


def iterate(shards: Iterable[Path]) -> Iterator[Sample]:
    """The samples of shards, in order. Raises UserError when one is damaged."""
    from PIL import Image

    for shard in shards:
        try:
            # Members are read one by one and never unpacked: an archive cannot write outside its folder.
            with tarfile.open(shard) as archive:
                parts: dict[str, bytes] = {}
                for member in archive:
                    stream = archive.extractfile(member)
                    if stream is None:
                        continue
                    parts[member.name.rpartition(".")[2]] = stream.read()
                    if len(parts) == 2:  # a sample's two members stand together
                        image = Image.open(io.BytesIO(parts["png"])).convert("RGB")
                        yield Sample(np.asarray(image), json.loads(parts["json"]))
                        parts = {}
        except (tarfile.TarError, OSError, ValueError, KeyError) as error:
            raise _damaged(shard, error) from None


def _damaged(shard: Path, error: Exception) -> UserError:
    return UserError(f"{shard}: damaged ({error}); delete its folder and run dvc repro")


def read_images(
    shards: Iterable[Path], limit: int | None = None
) -> tuple[NDArray[np.uint8], dict[str, NDArray[np.int64]]]:
    """The images uint8 (n, height, width, 3) of shards, and their labels (n,) by mechanism.

    `limit` stops after that many.
    """
    samples = list(islice(iterate(shards), limit))
    labels = [sample.metadata["labels"] for sample in samples]
    return (
        np.stack([sample.image for sample in samples]),
        {mechanism: np.array([row[mechanism] for row in labels]) for mechanism in labels[0]},
    )
