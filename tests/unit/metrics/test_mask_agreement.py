import numpy as np
import pytest

from cgn.metrics.masks import (
    background_residue,
    background_residues,
    mask_iou,
    mask_ious,
)


def test_iou_is_a_mean_over_images() -> None:
    masks, judged = np.zeros((2, 3, 4, 4))
    masks[0, :, :2], judged[0, :, :2] = 0.6, 0.9  # the same
    masks[1, :, :2], judged[1, :, 1:3] = 1, 1  # one column of three
    masks[2] = 0.4  # both empty
    assert mask_ious(masks, judged) == pytest.approx([1, 1 / 3, 1])
    assert mask_iou(masks, judged) == pytest.approx((1 + 1 / 3 + 1) / 3)
    assert mask_iou(1 - masks[1:2], masks[1:2]) == 0


def test_residue_is_in_percent_of_the_pixels() -> None:
    judged = np.zeros((2, 4, 4))
    judged[0, 0] = 0.51
    judged[1, 0] = 0.49
    assert background_residues(judged) == pytest.approx([25, 0])
    assert background_residue(judged) == 12.5


def test_a_pixel_at_the_threshold_is_ground() -> None:
    half, object_ = np.full((1, 2, 2), 0.5), np.ones((1, 2, 2))
    assert mask_ious(half, object_) == mask_ious(object_, half) == [0]
    assert background_residues(half) == [0]


def test_one_pixel_is_enough_to_disagree() -> None:
    masks = np.zeros((1, 4, 4))
    masks[0, 1, 2] = 1
    assert mask_ious(masks, np.zeros((1, 4, 4))) == [0]
