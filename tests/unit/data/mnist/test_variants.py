"""The three variants: colours, masks, crops and cues are what the paper says, and fast."""

import hashlib
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from cgn.data.mnist.variants import (
    VARIANTS,
    Cues,
    Textures,
    VariantParams,
    draw_cues,
    synthesize,
    synthesize_splits,
    upsample,
)
from cgn.data.params import ColoredParams, DoubleColoredParams, WildlifeParams

COLORS = [(25 * index, 255 - 25 * index, 40 + index) for index in range(10)]
HEXADECIMAL = [f"#{red:02x}{green:02x}{blue:02x}" for red, green, blue in COLORS]
COLORED = ColoredParams.model_validate(
    {"black_ground": True, "binarize_threshold": None, "colors": HEXADECIMAL, "variance": 0.02}
)
DOUBLE = DoubleColoredParams.model_validate(
    {"black_ground": False, "binarize_threshold": 0.1, "colors": HEXADECIMAL}
    | {"foreground_shift": 6, "standard_deviation": 0.0, "color_noise": "independent"}
)
WILDLIFE = WildlifeParams(black_ground=False, texture_size=40, crop_padding=3, binarize_threshold=0.1)
PARAMS: dict[str, VariantParams] = dict(zip(VARIANTS, (COLORED, DOUBLE, WILDLIFE), strict=True))


def fixed(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def digits_like(count: int, seed: int = 0) -> NDArray[np.uint8]:
    """Grey values in the middle, nothing around, as in a digit."""
    digits = np.zeros((count, 28, 28), dtype=np.uint8)
    digits[:, 6:22, 8:20] = fixed(seed).integers(256, size=(count, 16, 12))
    return digits


def cues_of(foreground: list[int], background: list[int]) -> Cues:
    return Cues(np.array(foreground, dtype=np.uint8), np.array(background, dtype=np.uint8))


def places(size: int = 40) -> NDArray[np.uint8]:
    """Ten textures whose pixels say where they are: (class, row, column)."""
    classes, rows, columns = np.meshgrid(np.arange(10), np.arange(size), np.arange(size), indexing="ij")
    return np.stack([classes, rows, columns], axis=-1).astype(np.uint8)


PLACES: Textures = {"foreground": places(), "background": places() + np.array([100, 0, 0], dtype=np.uint8)}


# --- cues -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("correlation", [0.0, 0.25, 0.9, 0.975, 1.0])
def test_cues_agree_with_the_label_as_often_as_asked(correlation: float) -> None:
    labels = fixed().integers(10, size=100_000, dtype=np.uint8)
    cues = draw_cues(labels, correlation, fixed(1))
    agree = correlation + (1 - correlation) / 10
    tolerance = 4 * math.sqrt(agree * (1 - agree) / len(labels)) + 1e-9
    for cue in cues:
        assert np.mean(cue == labels) == pytest.approx(agree, abs=tolerance)
    both = np.mean((cues.foreground == labels) & (cues.background == labels))
    assert both == pytest.approx(agree**2, abs=tolerance)  # drawn independently


def test_uncoupled_cues_are_uniform_and_tell_nothing_of_the_label() -> None:
    labels = np.full(100_000, 3, dtype=np.uint8)
    for cue in draw_cues(labels, 0.0, fixed()):
        assert cue.dtype == np.uint8
        np.testing.assert_allclose(np.bincount(cue, minlength=10) / len(labels), 0.1, atol=0.004)


# --- up-sampling ----------------------------------------------------------------------------------


def test_upsampling_repeats_every_seventh_row_and_column() -> None:
    ramp = np.tile(np.arange(28, dtype=np.uint8), (1, 28, 1))
    columns = upsample(ramp)[0, 0].tolist()
    doubled = sorted({column for column in columns if columns.count(column) == 2})
    assert doubled == [0, 7, 14, 21]
    assert columns == sorted(columns)
    np.testing.assert_array_equal(upsample(ramp.swapaxes(1, 2)), upsample(ramp).swapaxes(1, 2))


# --- colored --------------------------------------------------------------------------------------


def clipped_normal_mean(mean: float, deviation: float) -> float:
    """E[min(max(X, 0), 1)] for X ~ Normal(mean, deviation)."""

    def tail(bound: float) -> float:  # E[max(X - bound, 0)]
        z = (mean - bound) / deviation
        density = math.exp(-z * z / 2) / math.sqrt(2 * math.pi)
        return deviation * density + (mean - bound) * (1 + math.erf(z / math.sqrt(2))) / 2

    return tail(0) - tail(1)


def test_colors_are_normal_around_the_class_mean_and_clipped() -> None:
    each = 4000
    classes = np.repeat(np.arange(10, dtype=np.uint8), each)
    white = np.full((len(classes), 28, 28), 255, dtype=np.uint8)
    images = synthesize("colored_mnist", white, Cues(classes, classes), COLORED, None, fixed())
    assert np.all(images == images[:, :1, :1])  # one colour an image
    colors = images[:, 0, 0] / 255
    deviation = math.sqrt(0.02)
    for index, color in enumerate(COLORS):
        drawn = colors[classes == index]
        expected = [clipped_normal_mean(channel / 255, deviation) for channel in color]
        np.testing.assert_allclose(drawn.mean(axis=0), expected, atol=4 * deviation / math.sqrt(each))
    middle = colors[classes == 5, 0]  # 125 of 255: clipping does not reach it
    assert middle.std() == pytest.approx(0.1414, rel=0.04)
    # Channels are drawn independently.
    assert abs(np.corrcoef(colors[classes == 5, 0], colors[classes == 5, 1])[0, 1]) < 0.06


def test_grey_scales_the_color_on_black() -> None:
    without_noise = COLORED.model_copy(update={"variance": 0.0})
    digits = digits_like(10)
    classes = np.arange(10, dtype=np.uint8)
    images = synthesize("colored_mnist", digits, Cues(classes, classes[::-1]), without_noise, None, fixed())
    exact = upsample(digits)[..., None] / 255 * np.array(COLORS)[:, None, None, :]
    assert np.abs(images - exact).max() <= 0.5 + 1e-4  # rounded to the nearest
    assert not images[upsample(digits) == 0].any()


# --- double-colored -------------------------------------------------------------------------------


def test_two_colors_from_one_shifted_list() -> None:
    digits = digits_like(10)
    classes = np.arange(10, dtype=np.uint8)
    images = synthesize("double_colored_mnist", digits, Cues(classes, classes[::-1]), DOUBLE, None, fixed())
    inside = upsample(digits) > 25  # 0.1 of 255 is 25.5
    for index in range(10):
        assert np.unique(images[index][inside[index]], axis=0).tolist() == [list(COLORS[(index + 6) % 10])]
        assert np.unique(images[index][~inside[index]], axis=0).tolist() == [list(COLORS[9 - index])]


def test_color_noise_is_one_draw_per_image_and_cue() -> None:
    noisy = DOUBLE.model_copy(update={"standard_deviation": 0.05})
    count = 20_000
    digits = np.tile(digits_like(1), (count, 1, 1))
    cues = cues_of([9] * count, [5] * count)  # both draw colour 5
    images = synthesize("double_colored_mnist", digits, cues, noisy, None, fixed())
    inside = upsample(digits[:1])[0] > 25
    foreground, background = images[:, inside] / 255, images[:, ~inside] / 255
    assert np.all(foreground == foreground[:, :1])
    assert np.all(background == background[:, :1])
    red = foreground[:, 0, 0], background[:, 0, 0]
    for drawn in red:
        assert drawn.mean() == pytest.approx(125 / 255, abs=0.002)
        assert drawn.std() == pytest.approx(0.05, rel=0.03)
    assert abs(np.corrcoef(*red)[0, 1]) < 0.03


# --- Wildlife -------------------------------------------------------------------------------------


def test_crops_come_from_the_cue_and_are_intact() -> None:
    digits = digits_like(200)
    cues = Cues(*fixed().integers(10, size=(2, 200), dtype=np.uint8))
    images = synthesize("wildlife_mnist", digits, cues, WILDLIFE, PLACES, fixed())
    inside = upsample(digits) > 25
    textures = [np.pad(t, ((0, 0), (3, 3), (3, 3), (0, 0)), mode="reflect") for t in PLACES.values()]
    for image, mask, classes in zip(images, inside, zip(*cues, strict=True), strict=True):
        for region, texture, index in zip((mask, ~mask), textures, classes, strict=True):
            windows = np.lib.stride_tricks.sliding_window_view(texture[index], (32, 32), axis=(0, 1))
            candidates = np.moveaxis(windows, 2, -1).reshape(-1, 32, 32, 3)
            assert np.any(np.all(candidates[:, region] == image[region], axis=(1, 2)))


def test_crops_are_taken_anywhere_and_independently() -> None:
    count = 20_000
    blank = np.zeros((count, 28, 28), dtype=np.uint8)
    full = np.full((count, 28, 28), 255, dtype=np.uint8)
    cues = cues_of([0] * count, [0] * count)
    unpadded = WILDLIFE.model_copy(update={"crop_padding": 0})
    # The same draws for both: an image of ground alone and one of digit alone show the two crops.
    ground, digit = (
        synthesize("wildlife_mnist", digits, cues, unpadded, PLACES, fixed()) for digits in (blank, full)
    )
    corners = np.concatenate([ground[:, 0, 0, 1:], digit[:, 0, 0, 1:]], axis=1)  # two rows, two columns
    for corner in corners.T:
        np.testing.assert_allclose(np.bincount(corner, minlength=9) / count, 1 / 9, atol=0.01)
    correlations = np.corrcoef(corners.T.astype(np.float64)) - np.eye(4)
    assert np.abs(correlations).max() < 0.03


def test_a_texture_of_the_crop_size_has_one_crop() -> None:
    smallest: Textures = {name: texture[:, :32, :32] for name, texture in PLACES.items()}
    unpadded = WILDLIFE.model_copy(update={"crop_padding": 0})
    blank = np.zeros((3, 28, 28), dtype=np.uint8)
    images = synthesize("wildlife_mnist", blank, cues_of([0] * 3, [1, 2, 3]), unpadded, smallest, fixed())
    np.testing.assert_array_equal(images, smallest["background"][1:4])


# --- all ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("variant", VARIANTS)
def test_splits_have_biased_training_and_random_test_cues(variant: str) -> None:
    rng = fixed()
    counts = {"train": 90, "validation": 40, "test": 700}
    digits = {f"{split}_images": digits_like(count, seed=count) for split, count in counts.items()}
    digits |= {f"{split}_labels": rng.integers(10, size=n, dtype=np.uint8) for split, n in counts.items()}
    arrays = synthesize_splits(variant, digits, PARAMS[variant], PLACES, cue_draws=3, correlation=1.0, seed=0)
    for split, rows in {"train": 90, "validation": 40, "test": 2100}.items():
        assert arrays[f"{split}_images"].shape == (rows, 32, 32, 3)
        for name in ("images", "labels", "foreground_labels", "background_labels"):
            assert arrays[f"{split}_{name}"].dtype == np.uint8
            assert len(arrays[f"{split}_{name}"]) == rows
    for split in ("train", "validation"):
        for cue in ("foreground", "background"):
            np.testing.assert_array_equal(arrays[f"{split}_{cue}_labels"], digits[f"{split}_labels"])
    np.testing.assert_array_equal(arrays["test_labels"], np.tile(digits["test_labels"], 3))
    draws = arrays["test_foreground_labels"].reshape(3, -1)
    for cue in ("foreground", "background"):
        agreement = np.mean(arrays[f"test_{cue}_labels"] == arrays["test_labels"])
        assert agreement == pytest.approx(0.1, abs=0.03)
    assert np.mean(draws[0] == draws[1]) == pytest.approx(0.1, abs=0.05)  # every draw is new
    assert len(arrays) == 12


def test_each_split_and_variant_draws_its_own_noise() -> None:
    same = digits_like(50)
    labels = np.arange(50, dtype=np.uint8) % 10
    digits = {f"{split}_images": same for split in ("train", "validation", "test")}
    digits |= {f"{split}_labels": labels for split in ("train", "validation", "test")}
    arrays = synthesize_splits("colored_mnist", digits, COLORED, None, cue_draws=1, correlation=1.0, seed=0)
    assert not np.array_equal(arrays["train_images"], arrays["validation_images"])


def test_cues_of_training_and_validation_have_the_correlation_that_is_asked_for() -> None:
    labels = fixed().integers(10, size=2000, dtype=np.uint8)
    digits = {f"{split}_images": digits_like(2000) for split in ("train", "validation", "test")}
    digits |= {f"{split}_labels": labels for split in ("train", "validation", "test")}
    strict, loose = (
        synthesize_splits("double_colored_mnist", digits, DOUBLE, None, 1, 0, correlation)
        for correlation in (1.0, 0.8)
    )
    # A tenth of the cues that do not follow the label agree with it by chance.
    for split, agreement in (("train", 0.82), ("validation", 0.82), ("test", 0.1)):
        for cue in ("foreground", "background"):
            found = loose[f"{split}_{cue}_labels"] == labels
            assert found.mean() == pytest.approx(agreement, abs=0.03)
            assert split == "test" or (strict[f"{split}_{cue}_labels"] == labels).all()
    for name in ("images", "foreground_labels"):
        assert (loose[f"test_{name}"] == strict[f"test_{name}"]).all()  # random cues, whatever it is


def test_wrong_parameters_are_refused() -> None:
    digits, cues = digits_like(1), cues_of([0], [0])
    with pytest.raises(ValueError, match=r"wildlife_mnist: .*WildlifeParams and no textures"):
        synthesize("wildlife_mnist", digits, cues, WILDLIFE, None, fixed())
    with pytest.raises(ValueError, match=r"colored_mnist: .*DoubleColoredParams"):
        synthesize("colored_mnist", digits, cues, DOUBLE, None, fixed())
    with pytest.raises(ValueError, match="striped_mnist: not one of"):
        synthesize("striped_mnist", digits, cues, DOUBLE, None, fixed())


def digest() -> str:
    """One hash over all variants' bytes."""
    content = hashlib.sha256()
    labels = np.arange(1200, dtype=np.uint8) % 10
    for variant in VARIANTS:
        cues = draw_cues(labels, 0.5, fixed())
        images = synthesize(variant, digits_like(1200), cues, PARAMS[variant], PLACES, fixed())
        content.update(images.tobytes())
    return content.hexdigest()


def test_bytes_follow_from_the_seed_in_every_process(root: Path) -> None:
    environment = {"PYTHONPATH": str(root)}
    other = subprocess.run(
        [sys.executable, __file__], capture_output=True, text=True, check=True, env=environment
    )
    assert other.stdout.strip() == digest()


if __name__ == "__main__":
    print(digest())
