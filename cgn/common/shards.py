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
from cgn.errors import UserError


class Sample(NamedTuple):
    """One image uint8 (height, width, 3) and what made it."""

    image: NDArray[np.uint8]
    metadata: dict[str, Any]  # with "index", its place in the whole set


def write_shards(folder: Path, samples: Iterable[Sample], images_per_shard: int) -> int:
    """Write tars `000000.tar`, `000001.tar`, … into a new `folder`; returns the number of samples.

    The bytes depend on the samples alone: members carry no time, owner or machine.
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
