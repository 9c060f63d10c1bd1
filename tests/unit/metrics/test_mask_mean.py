import numpy as np

from cgn.metrics.masks import mask_mean


def test_soft_masks_count_as_they_are() -> None:
    masks = np.zeros((2, 4, 4), dtype=np.float32)
    masks[0, :2] = 0.5
    assert mask_mean(masks) == 0.125


def test_the_mean_is_of_double_precision() -> None:
    assert mask_mean(np.array([[[1, 2**-30]]], dtype=np.float32)) == 0.5 + 2**-31
