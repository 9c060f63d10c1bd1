"""Is the CGN's mask the object, and is its background free of it? Asked of a segmenter it has never seen.

Ours: the paper judges masks and backgrounds by eye (section 4.1, appendix C.3). The U2-Net that the training
uses cannot be the judge, for the generators were trained to please it.
"""

import numpy as np
from numpy.typing import NDArray

Maps = NDArray[np.floating]
ABOVE = 0.5  # is object


def mask_ious(masks: Maps, judged: Maps) -> NDArray[np.float64]:
    """The IoU, 0 to 1, of each of two masks (n, h, w) in [0, 1], cut at 0.5: (n,). Two empty masks agree.

    `masks` are the CGN's, `judged` the segmenter's of the images x_gt of the same noise and classes.
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
    """The share of pixels of each background b that the segmenter calls object, in percent: (n,).

    `judged` (n, h, w) in [0, 1] is its mask of each b.
    """
    return np.asarray((judged > ABOVE).mean(axis=(1, 2)) * 100)


def background_residue(judged: Maps) -> float:
    """The mean of `background_residues`."""
    return float(background_residues(judged).mean())


def mask_mean(masks: Maps) -> float:
    """mu_mask (Table 1, appendix G): the mean over all pixels of masks (n, h, w) in [0, 1].

    Near 0 or 1 the masks have collapsed.
    """
    return float(masks.mean(dtype=np.float64))
