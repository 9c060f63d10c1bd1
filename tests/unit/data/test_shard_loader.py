"""Shards in DataLoader workers on several nodes: every image once, or resampled; mistakes are one line."""

import tarfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from cgn.data.shard_loader import ShardLoader
from cgn.errors import UserError
from cgn.io.shards import Sample, shard_paths, write_shards

COUNT = 83
pytestmark = pytest.mark.filterwarnings("ignore:This DataLoader will create")  # more workers than cores


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """83 images in 17 tars, the last one smaller; the first pixel of image i is i, its labels tell i."""
    folder = tmp_path_factory.mktemp("shards") / "set"
    samples = []
    for number in range(COUNT):
        image = np.full((8, 8, 3), number, np.uint8)
        labels = {"shape": number, "foreground": number + 100}
        samples.append(Sample(image, {"index": number, "labels": labels}))
    write_shards(folder, samples, images_per_shard=5)
    assert len(shard_paths(folder)) == 17
    return folder


def numbers(loader: ShardLoader) -> list[int]:
    """The images of an epoch, each with the labels of its own."""
    shown: list[int] = []
    for images, labels in loader:
        found = images[:, 0, 0, 0].tolist()
        assert labels.tolist() == [[number, number + 100] for number in found]
        assert len(found) <= 4
        shown += found
    return shown


def loader(folder: Path, workers: int, **more: int) -> ShardLoader:
    return ShardLoader(folder, ("shape", "foreground"), 4, workers, seed=0, **more)


@pytest.mark.parametrize("nodes", [1, 2])
@pytest.mark.parametrize("workers", [0, 1, 4, 8])
def test_an_epoch_has_every_image_once(
    workers: int, nodes: int, shards: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    epochs: list[list[int]] = []
    for epoch in (0, 1):
        shown = []
        for node in range(nodes):
            monkeypatch.setenv("RANK", str(node))
            monkeypatch.setenv("WORLD_SIZE", str(nodes))
            of_node = loader(shards, workers)
            of_node.set_epoch(epoch)
            shown += numbers(of_node)
        assert sorted(shown) == list(range(COUNT))
        epochs.append(shown)
    assert epochs[0] != epochs[1] != list(range(COUNT))


def test_the_same_seed_and_epoch_give_the_same_order(shards: Path) -> None:
    assert numbers(loader(shards, 2)) == numbers(loader(shards, 2))


@pytest.mark.parametrize("workers", [0, 4])
def test_resampled_nodes_take_equal_steps(
    workers: int, shards: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    shown = []
    for node in range(2):
        monkeypatch.setenv("RANK", str(node))
        shown.append(numbers(loader(shards, workers, resampled=40)))
        assert len(shown[-1]) == 40 * max(workers, 1)
    assert shown[0] != shown[1]
    assert max(Counter(shown[0]).values()) > 1


@pytest.mark.parametrize(("workers", "nodes"), [(18, 1), (9, 2)])
def test_more_workers_than_shards(
    workers: int, nodes: int, shards: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("WORLD_SIZE", str(nodes))
    with pytest.raises(
        UserError, match=rf"17 shards for {workers} workers.*, of which each needs one"
    ) as failure:
        loader(shards, workers)
    assert "\n" not in str(failure.value)


@pytest.mark.parametrize("workers", [0, 2])
def test_members_that_do_not_stand_together_are_one_line(workers: int, shards: Path, tmp_path: Path) -> None:
    for shard in shard_paths(shards):
        with tarfile.open(shard) as archive, tarfile.open(tmp_path / Path(shard).name, "w") as other:
            members = archive.getmembers()
            if Path(shard).name == "000003.tar":  # .json of the first sample beside .png of the second
                members = [members[0], members[3], members[2], members[1], *members[4:]]
            for member in members:
                other.addfile(member, archive.extractfile(member))
    with pytest.raises(UserError, match=r"000003\.tar: damaged \(\d+: \.json where one \.png") as failure:
        numbers(loader(tmp_path, workers, buffer=1))  # which compares images and labels
    assert "\n" not in str(failure.value)
