"""Shards at addresses: a web server, and an S3 server (moto's); read in DataLoader workers as from a disk."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from cgn.data.shard_loader import ShardLoader
from cgn.errors import UserError
from cgn.io.shards import Sample, count_samples, read_images, shard_paths, write_shards
from tests.s3 import s3_server


def samples(count: int) -> list[Sample]:
    images = np.random.default_rng(0).integers(256, size=(count, 16, 16, 3), dtype=np.uint8)
    return [Sample(image, {"index": i, "labels": {"shape": i % 10}}) for i, image in enumerate(images)]


@pytest.fixture
def local(tmp_path: Path) -> Path:
    write_shards(tmp_path / "set", samples(45), images_per_shard=5)
    return tmp_path / "set"


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with s3_server("shards", monkeypatch):
        yield "s3://shards"


def same_images(address: str, local: Path) -> None:
    here, there = shard_paths(local), shard_paths(address)
    assert [str(place).rsplit("/", 1)[1] for place in there] == [Path(place).name for place in here]
    assert [count_samples(place) for place in there] == [5] * 9
    for ours, theirs in zip(read_images(here), read_images(there), strict=True):
        np.testing.assert_equal(ours, theirs)
    for workers in (0, 2):
        batches = (list(ShardLoader(place, "shape", 4, workers, seed=1)) for place in (local, address))
        for ours, theirs in zip(*batches, strict=True):
            assert (ours.images == theirs.images).all()
            assert ours.labels.tolist() == theirs.labels.tolist()


def test_from_a_web_server(local: Path, serve: Callable[[Path], str]) -> None:
    same_images(f"{serve(local.parent)}/set/", local)


def test_to_and_from_s3(local: Path, bucket: str) -> None:
    assert write_shards(f"{bucket}/here/set/", samples(45), images_per_shard=5) == 45
    same_images(f"{bucket}/here/set", local)
    with pytest.raises(UserError, match=r"^s3://shards/here/set: holds shards; remove them"):
        write_shards(f"{bucket}/here/set", samples(1), images_per_shard=1)


def test_a_failure_leaves_nothing_in_s3(bucket: str) -> None:
    def failing() -> Iterator[Sample]:
        yield from samples(5)
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError):
        write_shards(f"{bucket}/set", failing(), images_per_shard=2)
    with pytest.raises(UserError, match=r"s3://shards/set: no \.tar shards"):
        shard_paths(f"{bucket}/set")


def test_mistakes_are_one_line(
    bucket: str, unreachable: str, local: Path, serve: Callable[[Path], str]
) -> None:
    with pytest.raises(UserError, match=r"^s3://nobody/set: .*; check the address and your rights"):
        write_shards("s3://nobody/set", samples(2), images_per_shard=1)
    with pytest.raises(UserError, match=r"^gopher://host/set: cannot be opened \(Protocol not known"):
        shard_paths("gopher://host/set")
    with pytest.raises(UserError, match=rf"^{unreachable}/set: .*; check the address"):
        shard_paths(f"{unreachable}/set")
    shard = local / "000004.tar"
    shard.write_bytes(shard.read_bytes()[:1500])
    with pytest.raises(UserError, match=r"000004\.tar: damaged"):
        read_images(shard_paths(f"{serve(local)}/"))
    with pytest.raises(UserError, match=r"absent\.tar: .*; check the address"):
        read_images([f"{serve(local)}/absent.tar"])
