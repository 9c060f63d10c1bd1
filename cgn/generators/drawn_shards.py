"""Draws shards of generated images in all ranks, and goes on after an interruption."""

import os
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

from cgn import ranks
from cgn.io.files import atomic_folder
from cgn.io.shards import Sample, shard_name, write_shard


def draw_shards(
    folder: Path,
    draw: Callable[[int, int], Iterable[Sample]],
    images: int,
    images_per_shard: int,
    scratch: Path,
    fingerprint: str,
) -> None:
    """Writes the same as `cgn.io.shards.write_shards`; each rank draws whole shards.

    `draw` returns the samples from a first index to one before a last one. Until all are drawn, finished tars
    lie in `scratch`, a folder for this only that all ranks see: after an interruption, a call of the same
    `fingerprint` draws just those that are not there. What calls of another one left there is removed. Raises
    UserError as `atomic_folder`, and OSError, which names the folder or the tar, when the disk is full.
    """
    with atomic_folder(folder) as temporary:
        if ranks.first():
            scratch.mkdir(parents=True, exist_ok=True)
            for left in scratch.iterdir():
                if not left.match(f"{fingerprint}-*.tar"):  # of another fingerprint, or half-written
                    left.unlink()
        place = ranks.shared(scratch)  # the other ranks wait here until that is done
        numbers = range(-(-images // images_per_shard))
        kept = [place / f"{fingerprint}-{shard_name(number)}" for number in numbers]
        for number in ranks.own(numbers):
            if not kept[number].exists():
                start = number * images_per_shard
                _write_whole(kept[number], draw(start, min(start + images_per_shard, images)))
        ranks.wait()
        if ranks.first():
            for number in numbers:
                _link_or_copy(kept[number], temporary / shard_name(number))
    if ranks.first():
        for tar in kept:
            tar.unlink()


def _write_whole(path: Path, samples: Iterable[Sample]) -> None:
    """Writes a tar under another name, of this process alone, and renames it."""
    half = path.with_suffix(f".{os.getpid()}")
    try:
        write_shard(half, samples)
        half.replace(path)
    except OSError as error:
        if error.errno and error.filename is None:  # the disk is full, and may not be that of the output
            raise OSError(error.errno, error.strerror, str(path)) from None
        raise
    finally:
        half.unlink(missing_ok=True)


def _link_or_copy(source: Path, target: Path) -> None:
    """Leaves the source where it is, so that nothing drawn is lost before the whole output is there."""
    try:
        target.hardlink_to(source)
    except OSError:  # it is on another disk, or of a kind that has no links
        with source.open("rb") as content, target.open("wb") as copy:
            shutil.copyfileobj(content, copy)
