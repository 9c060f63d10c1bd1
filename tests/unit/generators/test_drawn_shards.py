"""Shards that are drawn have the bytes of those that are written, interrupted or not."""

import errno
from collections.abc import Iterator
from pathlib import Path

import pytest

from cgn.generators import drawn_shards
from cgn.generators.drawn_shards import draw_shards
from cgn.io.shards import Sample, write_shards
from tests.unit.in_ranks import in_two_ranks
from tests.unit.io.test_shards import samples

SAMPLES = samples(12)


def draw_some(folder: Path, fingerprint: str = "a", stop_at: int | None = None) -> list[int]:
    """Draws three shards into folder/drawn, and fails at sample `stop_at`; returns the samples drawn."""
    drawn = []

    def draw(start: int, stop: int) -> Iterator[Sample]:
        for number in range(start, stop):
            if number == stop_at:
                raise RuntimeError("stopped")
            drawn.append(number)
            yield SAMPLES[number]

    draw_shards(folder / "drawn", draw, 12, 5, folder / "scratch", fingerprint)
    return drawn


def stop(folder: Path, at: int) -> None:
    with pytest.raises(RuntimeError, match="stopped"):
        draw_some(folder, stop_at=at)


def draw_rest(folder: Path) -> None:
    draw_some(folder)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def written(tmp_path: Path) -> dict[str, bytes]:
    write_shards(tmp_path / "written", SAMPLES, images_per_shard=5)
    return contents(tmp_path / "written")


def test_drawn_shards_have_the_same_bytes(tmp_path: Path, written: dict[str, bytes]) -> None:
    assert draw_some(tmp_path) == [*range(12)]
    assert contents(tmp_path / "drawn") == written
    assert not contents(tmp_path / "scratch")


def test_after_an_interruption_the_others_are_drawn(tmp_path: Path, written: dict[str, bytes]) -> None:
    stop(tmp_path, at=7)
    assert {path.name for path in tmp_path.iterdir()} == {"written", "scratch"}
    assert contents(tmp_path / "scratch") == {"a-000000.tar": written["000000.tar"]}
    (tmp_path / "scratch/a-000001.1").write_bytes(b"half")  # of a process that was killed
    assert draw_some(tmp_path) == [*range(5, 12)]
    assert contents(tmp_path / "drawn") == written
    assert not contents(tmp_path / "scratch")


def test_another_fingerprint_draws_all_anew(tmp_path: Path, written: dict[str, bytes]) -> None:
    stop(tmp_path, at=7)
    assert draw_some(tmp_path, "b") == [*range(12)]
    assert contents(tmp_path / "drawn") == written
    assert not contents(tmp_path / "scratch")


def test_two_ranks_go_on_where_one_stopped(tmp_path: Path, written: dict[str, bytes]) -> None:
    stop(tmp_path, at=7)
    first = (tmp_path / "scratch/a-000000.tar").stat().st_ino
    in_two_ranks(draw_rest, tmp_path)
    assert contents(tmp_path / "drawn") == written
    assert (tmp_path / "drawn/000000.tar").stat().st_ino == first  # the tar itself, without a copy
    assert not contents(tmp_path / "scratch")


def test_a_scratch_folder_on_another_disk(
    tmp_path: Path, written: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Path, target: Path) -> None:
        raise OSError(errno.EXDEV, "another disk")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    draw_some(tmp_path)
    assert contents(tmp_path / "drawn") == written


def test_a_full_disk_is_told_with_the_tar_and_leaves_no_half(
    tmp_path: Path, written: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fill(path: Path, _: object) -> None:
        path.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(drawn_shards, "write_shard", fill)
        with pytest.raises(OSError, match="No space left") as told:
            draw_some(tmp_path)
    assert told.value.filename == str(tmp_path / "scratch/a-000000.tar")
    assert not contents(tmp_path / "scratch")
    assert not (tmp_path / "drawn").exists()
    draw_some(tmp_path)
    assert contents(tmp_path / "drawn") == written
