"""mu_mask, the mean value of the masks (Table 1, appendix G): near 0 or 1, the masks have collapsed."""

import numpy as np
from numpy.typing import NDArray


def mask_mean(masks: NDArray[np.floating]) -> float:
    """The mean over all pixels of masks (n, h, w) in [0, 1]."""
    return float(masks.mean(dtype=np.float64))
