"""Masks that are read off images, and images of given shapes."""

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from cgn.counterfactuals import CounterfactualParams
from cgn.data.mnist.masks import true_masks
from cgn.data.params import ColoredParams, WildlifeParams
from cgn.errors import UserError
from cgn.evaluation.mechanism_quality import soft_iou
from cgn.generators.mnist.abduction import load_segmenter, read_masks, sample_given_shapes, save_segmenter
from cgn.generators.mnist.mechanisms import CGN, CGNConfig
from cgn.generators.mnist.sampling import BLOCK
from cgn.generators.mnist.segmenter_training import draw_with_masks, train_segmenter
from cgn.generators.params import SegmenterParams
from cgn.training.checkpoint import Checkpoint
from tests.conftest import packaged_digits

POLICY = CounterfactualParams(
    intervened=["shape", "foreground", "background"], noise="per_mechanism", ratio=10
)
PARAMS = SegmenterParams(batch=16, learning_rate=0.01, warmup=0.1, channels=[8, 16])


@pytest.fixture(scope="module")
def cgn() -> CGN:
    """Untrained, but that its foreground is bright, its background dark and its masks are blobs."""
    torch.manual_seed(0)
    made = CGN(CGNConfig(4, 3, 4, 7.0, "shift", 8, "plain")).eval().requires_grad_(False)
    for mechanism, shift in ((made.foreground, 0.5), (made.background, -0.5)):
        mechanism.network.conv_32.bias += shift
    made.shape.network.conv_32.weight *= 10
    return made


def test_pairs_are_images_and_their_masks_whatever_the_threads(cgn: CGN) -> None:
    before = torch.get_num_threads()
    sets = []
    for threads in (1, 3):
        torch.set_num_threads(threads)
        sets.append(draw_with_masks(cgn, BLOCK + 20, 1))
    torch.set_num_threads(before)
    (images, masks), again = sets
    assert images.shape == (BLOCK + 20, 32, 32, 3)
    np.testing.assert_array_equal(images, again[0])
    np.testing.assert_array_equal(masks, again[1])
    bright = images.mean(axis=3)
    assert bright[masks > 200].mean() > bright[masks < 50].mean() + 60


def test_a_segmenter_learns_to_read_masks_and_is_stored(cgn: CGN, tmp_path: Path) -> None:
    images, masks = draw_with_masks(cgn, 60, 5)  # other ones than it learns from
    cpu = torch.device("cpu")
    overlap = []
    for passes in (16, 1600):
        checkpoint = Checkpoint(tmp_path / f"{passes}.pt", "x")
        segmenter = train_segmenter(cgn, PARAMS, 100, passes, 0, checkpoint, cpu)
        read = read_masks(segmenter, images)
        overlap.append(soft_iou(read / 255, masks / 255))
    assert overlap[1] > max(0.8, overlap[0] + 0.1)

    save_segmenter(tmp_path / "segmenter", segmenter, PARAMS)
    np.testing.assert_array_equal(read_masks(load_segmenter(tmp_path / "segmenter"), images), read)


def test_no_segmenter_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="not found"):
        load_segmenter(tmp_path)


def test_given_shapes_keep_mask_and_label_and_change_textures(cgn: CGN) -> None:
    masks: NDArray[np.uint8] = np.zeros((3, 32, 32), np.uint8)
    masks[1, :16], masks[2] = 255, 255
    labels = np.array([4, 7, 1], np.uint8)
    samples = list(sample_given_shapes(cgn, masks, labels, None, POLICY, 0, 0, BLOCK + 8))
    part = list(sample_given_shapes(cgn, masks, labels, None, POLICY, 0, BLOCK - 3, BLOCK + 3))
    for sample, again in zip(samples[BLOCK - 3 : BLOCK + 3], part, strict=True):
        assert sample.metadata == again.metadata
        np.testing.assert_array_equal(sample.image, again.image)
    for index, sample in enumerate(samples):
        assert sample.metadata["labels"]["shape"] == labels[index % 3]
        assert sample.metadata["noise"]["shape"] == index % 3
    grey = [np.mean([sample.image[half] for sample in samples[1::3]]) for half in (slice(16), slice(16, 32))]
    assert grey[0] > grey[1] + 60  # the upper half is object
    assert len({sample.metadata["labels"]["background"] for sample in samples}) == 10


def test_observed_backgrounds_are_real_images_outside_of_their_own_objects(cgn: CGN) -> None:
    labels: NDArray[np.uint8] = (np.arange(40) % 10).astype(np.uint8)
    images = np.random.default_rng(0).integers(256, size=(40, 32, 32, 3), dtype=np.uint8)
    masks: NDArray[np.uint8] = np.zeros((40, 32, 32), np.uint8)
    masks[:, 8:16, 8:16] = 255
    masks[::2, 20:24, 20:24] = 255
    masks[1::2, 26:30] = 100  # soft
    given, drawn = (masks, labels), (POLICY, 0)
    samples = list(sample_given_shapes(cgn, *given, images, *drawn, 0, BLOCK + 8))
    part = list(sample_given_shapes(cgn, *given, images, *drawn, BLOCK - 3, BLOCK + 3))
    generated = list(sample_given_shapes(cgn, *given, None, *drawn, 0, BLOCK + 8))
    for sample, again in zip(samples[BLOCK - 3 : BLOCK + 3], part, strict=True):
        assert sample.metadata == again.metadata
        np.testing.assert_array_equal(sample.image, again.image)
    givers = [sample.metadata["background_image"] for sample in samples]
    assert len(set(givers)) == 40
    objects, grounds = (
        [sample.image for sample in sample_given_shapes(cgn, whole, labels, None, *drawn, 0, BLOCK + 8)]
        for whole in (np.full_like(masks, 255), np.zeros_like(masks))
    )
    for index, (sample, plain) in enumerate(zip(samples, generated, strict=True)):
        giver = sample.metadata.pop("background_image")
        assert sample.metadata == plain.metadata
        assert labels[giver] == sample.metadata["labels"]["background"]
        shown = (masks[index % 40] == 0) & (masks[giver] == 0)
        np.testing.assert_array_equal(sample.image[shown], images[giver][shown])
        mask, gap = (masks[row, ..., None] / 255 for row in (index % 40, giver))
        background = (1 - gap) * images[giver] + gap * grounds[index]
        expected = mask * objects[index] + (1 - mask) * background
        np.testing.assert_allclose(sample.image, expected, atol=1.6)  # bytes are rounded once more


def test_without_intervention_on_the_background_the_shape_keeps_its_own(cgn: CGN) -> None:
    labels: NDArray[np.uint8] = np.arange(10, dtype=np.uint8)
    images = np.random.default_rng(0).integers(256, size=(10, 32, 32, 3), dtype=np.uint8)
    masks: NDArray[np.uint8] = np.zeros((10, 32, 32), np.uint8)
    policy = CounterfactualParams(intervened=["foreground"], noise="per_mechanism", ratio=1)
    for index, sample in enumerate(sample_given_shapes(cgn, masks, labels, images, policy, 0, 0, 10)):
        assert sample.metadata["background_image"] == index
        np.testing.assert_array_equal(sample.image, images[index])


def test_a_class_without_images_has_no_background_to_observe(cgn: CGN) -> None:
    labels: NDArray[np.uint8] = np.array([0, 1, 2, 4, 5, 6, 7, 8, 9], np.uint8)
    images: NDArray[np.uint8] = np.zeros((9, 32, 32, 3), np.uint8)
    with pytest.raises(UserError, match="no training image of class 3"):
        sample_given_shapes(cgn, images[..., 0], labels, images, POLICY, 0, 0, 5)


def test_true_masks_are_what_the_variants_compose_with() -> None:
    colors = ["#ff0000"] * 10
    digits = packaged_digits(20, 10, 10)
    colored = ColoredParams(black_ground=True, binarize_threshold=None, colors=colors, variance=0.02)
    grey = true_masks(digits["train_images"], colored)
    binary = true_masks(
        digits["train_images"],
        WildlifeParams(black_ground=False, texture_size=40, crop_padding=0, binarize_threshold=0.1),
    )
    assert set(np.unique(binary)) == {0, 1}
    assert len(np.unique(grey)) > 50
    np.testing.assert_array_equal(binary, grey > 0.1)


def test_soft_iou() -> None:
    ones, half = np.ones((2, 32, 32)), np.full((2, 32, 32), 0.5)
    assert soft_iou(ones, ones) == 1
    assert soft_iou(ones, half) == 0.5
    assert soft_iou(ones, np.zeros((2, 32, 32))) == 0
