import hashlib
import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pytest
import webdataset

from cgn.common.shards import Sample, count_samples, iterate, read_images, shard_paths, write_shards
from cgn.errors import UserError


def samples(count: int) -> list[Sample]:
    images = np.random.default_rng(0).integers(256, size=(count, 32, 32, 3), dtype=np.uint8)
    return [
        Sample(image, {"index": i, "seed": 0, "labels": {"shape": i % 10}, "noise": {"shape": i}})
        for i, image in enumerate(images)
    ]


def test_plain_webdataset_reads_them(tmp_path: Path) -> None:
    written = samples(25)
    assert write_shards(tmp_path / "set", written, images_per_shard=10) == 25
    urls = sorted(str(path) for path in (tmp_path / "set").iterdir())
    assert [Path(url).name for url in urls] == ["000000.tar", "000001.tar", "000002.tar"]
    read = list(webdataset.WebDataset(urls, shardshuffle=False, empty_check=False).decode("rgb8"))
    assert len(read) == 25
    for sample, found in zip(written, read, strict=True):
        np.testing.assert_array_equal(found["png"], sample.image)
        assert found["json"] == sample.metadata
        assert found["__key__"] == f"{sample.metadata['index']:08d}"


def test_our_reader_agrees_and_stops_at_the_limit(tmp_path: Path) -> None:
    written = samples(25)
    write_shards(tmp_path / "set", written, images_per_shard=10)
    shards = shard_paths(tmp_path / "set")
    assert [count_samples(shard) for shard in shards] == [10, 10, 5]
    images, labels = read_images(shards)
    np.testing.assert_array_equal(images, [sample.image for sample in written])
    np.testing.assert_array_equal(labels["shape"], np.arange(25) % 10)
    assert len(read_images(shards, limit=12)[0]) == 12


def test_the_same_samples_give_the_same_bytes(tmp_path: Path) -> None:
    def digest(name: str) -> list[str]:
        write_shards(tmp_path / name, samples(12), images_per_shard=5)
        return [hashlib.md5(path.read_bytes()).hexdigest() for path in sorted((tmp_path / name).iterdir())]

    assert digest("a") == digest("b")


def test_members_are_as_tarfile_writes_them(tmp_path: Path) -> None:
    write_shards(tmp_path / "set", samples(3), images_per_shard=3)
    shard = tmp_path / "set" / "000000.tar"
    rewritten = io.BytesIO()
    with (
        tarfile.open(shard) as archive,
        tarfile.open(fileobj=rewritten, mode="w", format=tarfile.USTAR_FORMAT) as copy,
    ):
        assert [member.name for member in archive] == [
            f"{index:08d}.{kind}" for index in range(3) for kind in ("json", "png")
        ]
        for member in archive:
            copy.addfile(member, archive.extractfile(member))
    assert rewritten.getvalue().rstrip(b"\0") == shard.read_bytes().rstrip(b"\0")
    assert len(shard.read_bytes()) % tarfile.BLOCKSIZE == 0


def test_a_failure_leaves_nothing_behind(tmp_path: Path) -> None:
    def failing():  # type: ignore[no-untyped-def]
        yield from samples(3)
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError):
        write_shards(tmp_path / "set", failing(), images_per_shard=2)
    assert list(tmp_path.iterdir()) == []


def test_bad_folders_are_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"nowhere: no \.tar shards"):
        shard_paths(tmp_path / "nowhere")
    write_shards(tmp_path / "set", samples(4), images_per_shard=4)
    shard = tmp_path / "set" / "000000.tar"
    shard.write_bytes(shard.read_bytes()[:700])
    with pytest.raises(UserError, match=r"000000\.tar: damaged"):
        read_images([shard])
    with pytest.raises(UserError, match=r"000000\.tar: damaged"):
        list(iterate([shard]))


def test_metadata_is_plain_json(tmp_path: Path) -> None:
    assert json.loads(json.dumps(samples(1)[0].metadata))["labels"] == {"shape": 0}
