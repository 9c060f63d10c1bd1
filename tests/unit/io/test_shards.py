import hashlib
import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pytest
import webdataset
from PIL import Image

from cgn.errors import UserError
from cgn.io.shards import (
    Sample,
    count_samples,
    iterate,
    read_images,
    sample_places,
    shard_paths,
    write_shards,
)


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
            assert member.mtime == 0
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


def tar_of(path: Path, *names: str) -> Path:
    """A tar with these members; a sample's label and its grey value are the digit in its name."""
    with tarfile.open(path, "w") as archive:
        for name in names:
            digit = int(next(character for character in name if character.isdigit()))
            if name.lower().endswith("png"):
                buffer = io.BytesIO()
                Image.fromarray(np.full((4, 4, 3), digit, np.uint8)).save(buffer, "png")
                content = buffer.getvalue()
            else:
                content = json.dumps({"index": digit, "labels": {"shape": digit}}).encode()
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


@pytest.mark.parametrize(
    "names",
    [
        ("3.json", "3.png", "1.png", "1.json"),
        ("3.PNG", "3.json", "1.json", "1.Png"),
        ("./3.png", "./3.json", "./1.png", "./1.json"),
        ("a/3.png", "a/3.json", "b/1.png", "b/1.json"),
    ],
)
def test_members_are_paired_by_their_key_in_either_order(tmp_path: Path, names: tuple[str, ...]) -> None:
    shard = tar_of(tmp_path / "0.tar", *names)
    images, labels = read_images([shard])
    assert labels["shape"].tolist() == images[:, 0, 0, 0].tolist() == [3, 1]
    assert count_samples(shard) == 2


@pytest.mark.parametrize(
    "names",
    [
        ("3.json", "1.png", "3.png", "1.json"),  # paired by place, two labels would change places
        ("0.png", "1.png", "1.json", "0.json"),  # and here a sample would get lost
        ("0.png", "0.json", "0.txt"),
        ("0.png", "0.json", "0.png"),
        ("0.png", "0.json", "1.png", "1.json", "0.png", "0.json"),
        ("0.png", "0.json", "1.png"),
        ("0.json", "1.json"),
    ],
)
def test_other_members_are_damage(tmp_path: Path, names: tuple[str, ...]) -> None:
    shard = tar_of(tmp_path / "0.tar", *names)
    with pytest.raises(UserError, match=r"0\.tar: damaged \(\d.*\); delete its folder") as failure:
        read_images([shard])
    assert "\n" not in str(failure.value)


def test_damage_names_the_sample_and_what_stands_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"\(7: \.png, \.txt where one \.png and one \.json"):
        read_images([tar_of(tmp_path / "0.tar", "7.png", "7.txt")])
    with tarfile.open(tmp_path / "1.tar", "w") as archive:
        for name, content in (("7.png", b"none"), ("7.json", b'{"labels": {"shape": 7}}')):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    with pytest.raises(UserError, match=r"1\.tar: damaged \(7\.png: "):
        read_images([tmp_path / "1.tar"])


def test_what_is_no_member_of_a_sample_is_passed_over(tmp_path: Path) -> None:
    with tarfile.open(tar_of(tmp_path / "0.tar", "3.png", "3.json"), "a") as archive:
        folder = tarfile.TarInfo("folder.png")
        folder.type = tarfile.DIRTYPE
        archive.addfile(folder)
        for name in ("README", "__index__.json"):
            archive.addfile(tarfile.TarInfo(name))
    assert count_samples(tmp_path / "0.tar") == 1
    assert len(read_images([tmp_path / "0.tar"])[0]) == 1


def test_too_few_shards_and_empty_ones_are_named(tmp_path: Path) -> None:
    write_shards(tmp_path / "set", samples(25), images_per_shard=10)
    assert len(shard_paths(tmp_path / "set", workers=3)) == 3
    with pytest.raises(UserError, match="set: 3 shards for 4 workers, of which each needs one"):
        shard_paths(tmp_path / "set", workers=4)
    with pytest.raises(UserError, match="no samples in its shards"):
        read_images([tar_of(tmp_path / "0.tar")])


def test_metadata_is_plain_json(tmp_path: Path) -> None:
    assert json.loads(json.dumps(samples(1)[0].metadata))["labels"] == {"shape": 0}


def test_images_of_other_tools_are_read_as_photos_are(tmp_path: Path) -> None:
    """16 bits keep their range, and a sample that a camera turned stands upright."""
    ramp = (np.arange(4096).reshape(64, 64) * 16).astype("uint16")
    lying, exif = Image.fromarray(np.arange(6, dtype=np.uint8).reshape(2, 3)), Image.Exif()
    exif[0x0112] = 6
    with tarfile.open(tmp_path / "0.tar", "w") as archive:
        for number, (image, options) in enumerate([(Image.fromarray(ramp), {}), (lying, {"exif": exif})]):
            buffer = io.BytesIO()
            image.save(buffer, "png", **options)
            for ending, content in (("png", buffer.getvalue()), ("json", b'{"labels": {"shape": 1}}')):
                member = tarfile.TarInfo(f"{number}.{ending}")
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
    deep, turned = (sample.image[..., 0] for sample in iterate([tmp_path / "0.tar"]))
    np.testing.assert_array_equal(deep, np.rint(ramp / 257))
    assert turned.tolist() == [[3, 0], [4, 1], [5, 2]]


def test_what_a_system_leaves_beside_shards_is_none(tmp_path: Path) -> None:
    for name in ("000000.tar", "._000000.tar"):
        (tmp_path / name).touch()
    assert [path.name for path in shard_paths(tmp_path)] == ["000000.tar"]


def test_shards_are_shared_out_to_nodes_and_their_workers(tmp_path: Path) -> None:
    write_shards(tmp_path / "set", samples(9), images_per_shard=3)
    assert len(shard_paths(tmp_path / "set", workers=1, nodes=2)) == 3
    with pytest.raises(UserError, match="3 shards for 2 workers on each of 2 nodes, of which each needs one"):
        shard_paths(tmp_path / "set", workers=2, nodes=2)
    with pytest.raises(UserError, match="3 shards for 4 workers, of which"):
        shard_paths(tmp_path / "set", workers=4, nodes=1)


def write_raw(path: Path, *metadata: str, size: int = 4) -> Path:
    """A tar of grey squares, each one pixel wider than the one before, with this text as their JSON."""
    with tarfile.open(path, "w") as archive:
        for number, text in enumerate(metadata):
            buffer = io.BytesIO()
            Image.fromarray(np.zeros((4, size * (number + 1), 3), np.uint8)).save(buffer, "png")
            for ending, content in (("png", buffer.getvalue()), ("json", text.encode())):
                member = tarfile.TarInfo(f"{number}.{ending}")
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
    return path


@pytest.mark.parametrize(
    "labels", ['{"labels": {}}', '{"labels": {"shape": "3"}}', '{"labels": {"shape": 1.5}}', "[]"]
)
def test_labels_are_whole_numbers_and_there_are_some(tmp_path: Path, labels: str) -> None:
    with pytest.raises(UserError, match=r"0\.json: no JSON with \{.labels.: \{.shape.: 3, \.\.\.\}\}"):
        list(iterate([write_raw(tmp_path / "0.tar", labels)]))
    with pytest.raises(UserError, match=r"0\.tar: damaged \(0\.json: no JSON"):
        list(sample_places([tmp_path / "0.tar"]))


def test_samples_of_two_sizes_or_mechanisms_are_named_and_one_sample_is_enough(tmp_path: Path) -> None:
    one = '{"labels": {"shape": 1}}'
    images, labels = read_images([write_raw(tmp_path / "0.tar", one)])
    assert (images.shape, labels["shape"].tolist()) == ((1, 4, 4, 3), [1])
    two = tmp_path / "1.tar"
    with pytest.raises(UserError, match=r"1\.tar: samples of different sizes or mechanisms"):
        read_images([write_raw(two, one, one)])


def test_places_point_at_the_images(tmp_path: Path) -> None:
    written = samples(5)
    write_shards(tmp_path / "set", written, images_per_shard=3)
    found = list(sample_places(sorted((tmp_path / "set").iterdir())))
    assert len(found) == 5
    for sample, (place, metadata) in zip(written, found, strict=True):
        content = Path(place.shard).read_bytes()[place.start : place.start + place.size]
        np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(content))), sample.image)
        assert metadata == sample.metadata
