import numpy as np
import pytest

from cgn.data.sources import Environments, FixedImages, FreshImages, Images, ShuffledPasses


def _numbered(count: int, offset: int = 0) -> Images:
    """Images whose first pixel is their number."""
    images = np.zeros((count, 32, 32, 3), np.uint8)
    images[:, 0, 0, 0] = np.arange(offset, offset + count)
    return Images(images, np.arange(count, dtype=np.uint8) % 10)


@pytest.mark.parametrize(("count", "batch"), [(10, 4), (7, 7), (3, 8)])
def test_every_pass_shows_every_item_once(count: int, batch: int) -> None:
    passes = ShuffledPasses(count, batch, 0, "x")
    shown = [(number, row) for step in range(count) for number, rows in passes.rows(step) for row in rows]
    assert len(shown) == count * batch
    for number in range(batch):
        assert sorted(row for n, row in shown if n == number) == list(range(count))
    orders = [[row for n, row in shown if n == number] for number in range(2)]
    assert count < 4 or orders[0] != orders[1]


def test_a_batch_depends_on_its_step_alone() -> None:
    straight, jumping = FixedImages(_numbered(20), 6, 0, "x"), FixedImages(_numbered(20), 6, 0, "x")
    batches = [straight.minibatches(step)[0].images for step in range(9)]
    for step in (8, 0, 5, 3):
        assert np.array_equal(jumping.minibatches(step)[0].images, batches[step])
    other = FixedImages(_numbered(20), 6, 1, "x").minibatches(0)[0].images
    assert not np.array_equal(other, batches[0])


def test_environments_give_one_minibatch_each() -> None:
    batches = Environments([_numbered(10), _numbered(10, offset=100)], 4, 0).minibatches(3)
    assert [len(batch.labels) for batch in batches] == [4, 4]
    assert int(batches[0].images[:, 0, 0, 0].max()) < 100 <= int(batches[1].images[:, 0, 0, 0].min())


def test_fresh_images_draws_each_pass_and_labels_stay_with_their_images() -> None:
    source = FreshImages(lambda number: _numbered(10, offset=10 * number), 10, 4, 0)
    seen = []
    for step in range(10):
        (batch,) = source.minibatches(step)
        numbers = batch.images[:, 0, 0, 0].long()
        assert np.array_equal(numbers % 10, batch.labels)
        seen += numbers.tolist()
    assert sorted(seen) == list(range(40))
