"""Scores of the CGN's masks and backgrounds: a segmenter judges how well a mask covers the object.

These scores are not in the paper, which judges by eye (section 4.1, appendix C.3). The segmenter is
independent of the U2-Net used in training, because the generators were optimised for that U2-Net.
"""

import numpy as np
from numpy.typing import NDArray

Maps = NDArray[np.floating]
ABOVE = 0.5  # a pixel with a larger mask value is object
MASK_MEAN = (0.001, 0.999)  # beyond, the masks of a batch have collapsed: no object, or no background


def mask_ious(masks: Maps, judged: Maps) -> NDArray[np.float64]:
    """The IoU (n,), 0 to 1, of n pairs of masks (n, h, w) in [0, 1], cut at 0.5; 1 if both masks are empty.

    `masks` are the CGN's; `judged` are the segmenter's for the images x_gt of the same noise and classes.
    """
    ours, theirs = masks > ABOVE, judged > ABOVE
    intersection = (ours & theirs).sum(axis=(1, 2))
    union = (ours | theirs).sum(axis=(1, 2))
    ious: NDArray[np.float64] = np.divide(intersection, union, out=np.ones(len(union)), where=union > 0)
    return ious


def mask_iou(masks: Maps, judged: Maps) -> float:
    """The mean of `mask_ious`."""
    return float(mask_ious(masks, judged).mean())


def background_residues(judged: Maps) -> NDArray[np.float64]:
    """The share of pixels, in percent (n,), that the segmenter calls object in each background b.

    `judged` (n, h, w) in [0, 1] are the segmenter's masks of the backgrounds.
    """
    return np.asarray((judged > ABOVE).mean(axis=(1, 2)) * 100)


def background_residue(judged: Maps) -> float:
    """The mean of `background_residues`."""
    return float(background_residues(judged).mean())


def mask_mean(masks: Maps) -> float:
    """mu_mask (Table 1, appendix G): the mean of masks (n, h, w) in [0, 1] over all pixels.

    A value near 0 or 1 means that the masks have collapsed.
    """
    return float(masks.mean(dtype=np.float64))
