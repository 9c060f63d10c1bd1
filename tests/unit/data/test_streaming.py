from pathlib import Path

import numpy as np
import pytest

from cgn.data.sources import Images
from cgn.data.streaming import StreamedShards, real_and_generated
from cgn.errors import UserError
from cgn.io.shards import Sample, write_shards


@pytest.fixture
def shards(tmp_path: Path) -> Path:
    """25 generated images in three tars; the first pixel of image i is 100 + i, its shape's label i % 10."""
    samples = []
    for number in range(25):
        image = np.zeros((32, 32, 3), np.uint8)
        image[0, 0, 0] = 100 + number
        labels = {"shape": number % 10, "foreground": 0}
        samples.append(Sample(image, {"index": number, "labels": labels}))
    write_shards(tmp_path / "shards", samples, images_per_shard=10)
    return tmp_path / "shards"


def numbers(source: StreamedShards, step: int) -> list[int]:
    (batch,) = source.minibatches(step)
    shown: list[int] = (batch.images[:, 0, 0, 0].long() - 100).tolist()
    assert [number % 10 for number in shown] == batch.labels.tolist()
    return shown


def test_every_pass_shows_every_image_once_in_a_new_order(shards: Path) -> None:
    source = StreamedShards(shards, "shape", 4, 0, "x")
    shown = [number for step in range(25) for number in numbers(source, step)]
    passes = [shown[start : start + 25] for start in range(0, 100, 25)]
    assert all(sorted(one) == list(range(25)) for one in passes)
    assert len({tuple(one) for one in passes}) == 4
    # Shards come in random order too.
    assert len({one[0] // 10 for one in passes}) > 1


def test_a_batch_depends_on_its_step_alone(shards: Path) -> None:
    straight, jumping = (StreamedShards(shards, "shape", 6, 0, "x") for _ in range(2))
    batches = [numbers(straight, step) for step in range(12)]
    assert [numbers(jumping, step) for step in (11, 0, 7)] == [batches[11], batches[0], batches[7]]


def test_a_batch_may_span_passes(shards: Path) -> None:
    shown = numbers(StreamedShards(shards, "shape", 60, 0), 0)
    assert sorted(shown[:25]) == sorted(shown[25:50]) == list(range(25))


@pytest.mark.parametrize(("share", "real"), [(0.0, 0), (0.1, 1), (0.5, 4), (1.0, 8)])
def test_every_batch_has_its_share_of_real_images(shards: Path, share: float, real: int) -> None:
    images = Images(np.zeros((30, 32, 32, 3), np.uint8), np.zeros(30, np.uint8))
    source = real_and_generated(images, shards, share, 8, 0)
    for step in range(6):
        (batch,) = source.minibatches(step)
        assert len(batch.labels) == 8
        assert int((batch.images[:, 0, 0, 0] < 100).sum()) == real


@pytest.mark.parametrize(("share", "left_out"), [(0.05, "real"), (0.95, "generated")])
def test_a_share_of_less_than_an_image_is_refused(shards: Path, share: float, left_out: str) -> None:
    images = Images(np.zeros((30, 32, 32, 3), np.uint8), np.zeros(30, np.uint8))
    with pytest.raises(UserError, match=rf"methods\.cgn\.real_share: {share} leaves no {left_out} image"):
        real_and_generated(images, shards, share, 8, 0, "colored_mnist", "cgn")


def test_an_empty_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no \.tar shards"):
        StreamedShards(tmp_path, "shape", 4, 0)


def test_several_mechanisms_give_a_label_each(shards: Path) -> None:
    (batch,) = StreamedShards(shards, ("foreground", "shape"), 60, 0).minibatches(0)
    numbers = batch.images[:, 0, 0, 0].long() - 100
    assert batch.labels.tolist() == [[0, number % 10] for number in numbers.tolist()]
