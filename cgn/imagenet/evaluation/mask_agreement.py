"""Is the CGN's mask the object, and is its background free of it? Asked of a segmenter it has never seen.

Ours: the paper judges masks and backgrounds by eye (section 4.1, appendix C.3). The U2-Net that the training
uses cannot be the judge, for the generators were trained to please it.
"""

import numpy as np
from numpy.typing import NDArray

Maps = NDArray[np.floating]
ABOVE = 0.5  # is object


def mask_iou(masks: Maps, judged: Maps) -> float:
    """Mean over images of the IoU of two masks (n, h, w) in [0, 1], cut at 0.5: 0 to 1.

    `masks` are the CGN's, `judged` the segmenter's of the images x_gt of the same noise and classes. Two
    empty masks agree.
    """
    ours, theirs = masks > ABOVE, judged > ABOVE
    intersection = (ours & theirs).sum(axis=(1, 2))
    union = (ours | theirs).sum(axis=(1, 2))
    return float(np.divide(intersection, union, out=np.ones(len(union)), where=union > 0).mean())


def background_residue(judged: Maps) -> float:
    """The share of pixels of backgrounds b that the segmenter calls object, in percent.

    `judged` (n, h, w) in [0, 1] is its mask of each b.
    """
    return float((judged > ABOVE).mean() * 100)
