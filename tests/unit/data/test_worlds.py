"""A world whose images stay in files: what its splits show, whoever decodes them, packed or not."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
import webdataset
from PIL import Image
from torchvision.transforms import v2

from cgn.data.encoded import EncodedImages
from cgn.data.params import ILSVRCParams, WorldBudget
from cgn.data.photos.files_world import write_files_world
from cgn.data.photos.index import index_ilsvrc
from cgn.data.photos.photos import first_images
from cgn.data.sources import Images, Minibatch
from cgn.data.worlds import World, counterfactuals_like, held_out_splits
from cgn.errors import UserError
from cgn.io.image_folders import Skipped
from cgn.io.shards import Sample, write_shards

CLASSES = 5
pytestmark = pytest.mark.filterwarnings("ignore:This DataLoader will create")  # more workers than cores
BUDGET = WorldBudget(
    train=30, validation=100, test=100, in9_images_per_class=1, cue_conflict_images_per_pair=1
)


@pytest.fixture(scope="module")
def ilsvrc(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """40 photos of five classes, whose red tells the class and whose green the photo."""
    root = tmp_path_factory.mktemp("ilsvrc")
    for label in range(CLASSES):
        for split, count in (("train", 8), ("val", 2)):
            folder = root / split / f"n{label:08d}"
            folder.mkdir(parents=True)
            for number in range(count):
                color = (label * 40, number * 25, 0)
                Image.new("RGB", (120 + number, 90), color).save(folder / f"{number}.JPEG", quality=95)
    return root


def make(folder: Path, root: Path, pack: bool) -> Path:
    params = ILSVRCParams(path=str(root), pack=pack, resolution=64, validation=0.2)
    skipped = Skipped()
    write_files_world(folder, params, index_ilsvrc(root, 0.2, skipped), BUDGET, {}, skipped)
    return folder


@pytest.fixture(params=[False, True], ids=["files", "packed"])
def world(request: pytest.FixtureRequest, ilsvrc: Path, tmp_path: Path) -> Path:
    return make(tmp_path / "world", ilsvrc, request.param)


def shown(batches: Iterator[Images] | list[Minibatch]) -> list[tuple[int, int]]:
    """Class and number of each photo, by its colours, which tell the label, too."""
    found = []
    for images, labels in batches:
        assert images.shape[1:] == (64, 64, 3)
        colors = np.asarray(images)[:, 32, 32].astype(int)
        assert np.rint(colors[:, 0] / 40).tolist() == np.asarray(labels).tolist()
        found += [(int(label), round(green / 25)) for label, green in zip(labels, colors[:, 1], strict=True)]
    return found


def test_nothing_is_decoded_ahead(world: Path) -> None:
    assert not list(world.glob("*.safetensors"))
    found = World(world, workers=0)
    assert not found.in_memory
    assert (found.resolution, found.generated_resolution, len(found.classes)) == (64, 73, CLASSES)
    assert (len(found.train.labels), len(found.validation.labels)) == (30, 10)


def test_a_split_in_order(world: Path) -> None:
    for split, count in ((World(world, 2).validation, 10), (held_out_splits(world, 2)["test_images"], 10)):
        photos = shown(split.batches(4))
        assert len(photos) == len(set(photos)) == count
        assert photos == shown(split.batches(3))
    assert shown(iter([Images(**first_images(world, 7))])) == shown(World(world, 0).train.batches(7))[:7]


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_minibatches_are_the_same_for_any_number_of_workers(world: Path, workers: int) -> None:
    alone = World(world, 0, mirror=True).train.source(8, 1, "x")
    source = World(world, workers, mirror=True).train.source(8, 1, "x")
    for step in (0, 1, 2, 3, 4, 2):  # over the end of a pass, and back
        (expected,), (found,) = alone.minibatches(step), source.minibatches(step)
        assert torch.equal(found.images, expected.images)
        assert torch.equal(found.labels, expected.labels)


def test_every_pass_shows_every_image_once(world: Path) -> None:
    source = World(world, 2).train.source(10, 1)
    photos = [photo for step in range(6) for photo in shown(source.minibatches(step))]
    first, second = photos[:30], photos[30:]
    assert sorted(first) == sorted(second) == sorted(set(first))
    assert first != second
    assert len(second) == 30


def test_packed_images_are_the_files(ilsvrc: Path, tmp_path: Path) -> None:
    plain, packed = (make(tmp_path / str(pack), ilsvrc, pack) for pack in (False, True))
    for split in ("train", "validation"):
        ours, theirs = (getattr(World(world, 0), split).batches(100) for world in (plain, packed))
        for one, other in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(one.images, other.images)
            np.testing.assert_array_equal(one.labels, other.labels)
    tars = sorted(map(str, (packed / "packed/train").glob("*.tar")))
    assert len(tars) >= 8
    samples = list(webdataset.WebDataset(tars, shardshuffle=False).decode("pil"))
    labels = World(plain, 0).train.labels
    assert [int(sample["cls"]) for sample in samples] == labels.tolist()
    assert len({sample["__key__"] for sample in samples}) == 30


def test_crops_are_torchvisions(ilsvrc: Path, tmp_path: Path) -> None:
    """Training: a random resized crop; a test: 256 pixels at 224, here 73 at 64, and the centre."""
    train = World(make(tmp_path / "world", ilsvrc, False), 0, mirror=True).train
    assert isinstance(train, EncodedImages)
    gradient = np.tile(np.linspace(0, 255, 150, dtype=np.uint8)[None, :, None], (90, 1, 3))
    file = tmp_path / "gradient.png"
    Image.fromarray(gradient).save(file)
    one = train.at(
        [type("Place", (), {"shard": str(file), "start": 0, "size": file.stat().st_size})()], np.zeros(1)
    )
    (test,) = one.batches(1)
    reference = v2.Compose([v2.Resize(73), v2.CenterCrop(64)])(Image.fromarray(gradient))
    np.testing.assert_allclose(test.images[0].astype(int), np.asarray(reference).astype(int), atol=1)
    (many,) = one.source(200, 0).minibatches(0)
    widths = (many.images[:, 32, -1, 0].int() - many.images[:, 32, 0, 0].int()) / 255
    assert 0.3 < (widths < 0).float().mean() < 0.7  # mirrored
    areas = widths.abs() * 150
    assert 20 < areas.min() < areas.max() <= 150  # of 8 to 100 % of the area, sides 3:4 to 4:3


def test_counterfactuals_are_cropped_alike(world: Path, tmp_path: Path) -> None:
    samples = [
        Sample(
            np.full((73, 73, 3), (number * 40, number * 25, 0), np.uint8),
            {"index": number, "labels": {"shape": number, "foreground": 9 - number}},
        )
        for number in range(6)
    ]
    write_shards(tmp_path / "shards", samples, images_per_shard=4)
    real = World(world, 2).train
    source = counterfactuals_like(real, tmp_path / "shards", ("shape", "foreground"), 12, 0, "x")
    (batch,) = source.minibatches(0)
    assert batch.labels.sum(dim=1).tolist() == [9] * 12
    photos = shown([Minibatch(batch.images, batch.labels[:, 0])])
    assert sorted(photos) == sorted([(number, number) for number in range(6)] * 2)


def test_a_few_tars_are_read_at_a_time(ilsvrc: Path, tmp_path: Path) -> None:
    train = World(make(tmp_path / "world", ilsvrc, pack=True), 0).train
    assert isinstance(train, EncodedImages)
    passes = train.passes(12, 0, "x")  # four tars of three images
    for step in range(2):
        (rows,) = (rows for _, rows in passes.rows(step))
        assert len(set(train.files[rows])) == 4
        assert rows.tolist() != sorted(rows)


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize(
    ("fault", "message"),
    [("gone", "No such file"), ("cut", "shorter than when it was indexed"), ("text", "not a readable image")],
)
def test_a_fault_is_one_line(workers: int, fault: str, message: str, ilsvrc: Path, tmp_path: Path) -> None:
    root = tmp_path / "copy"
    for path in ilsvrc.rglob("*.JPEG"):
        target = root / path.relative_to(ilsvrc)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
    world = World(make(tmp_path / "world", root, False), workers)
    file = sorted((root / "train/n00000002").iterdir())[3]
    size = file.stat().st_size
    file.unlink()
    if fault != "gone":
        file.write_bytes(b"<html>" * (3 if fault == "cut" else size))
    with pytest.raises(UserError, match=message) as failure:
        [list(split.batches(8)) for split in (world.train, world.validation)]
    assert str(failure.value).startswith(str(file))
    assert "\n" not in str(failure.value)


def test_a_changed_file_is_not_packed(ilsvrc: Path, tmp_path: Path) -> None:
    entries = index_ilsvrc(ilsvrc, 0.2, Skipped())
    params = ILSVRCParams(path=str(ilsvrc), pack=True, resolution=64, validation=0.2)
    changed = [entry._replace(size=entry.size + 1) for entry in entries]
    with pytest.raises(UserError, match=r"JPEG: \d+ bytes, \d+ when it was indexed"):
        write_files_world(tmp_path / "world", params, changed, BUDGET, {}, Skipped())
    assert not (tmp_path / "world").exists()
