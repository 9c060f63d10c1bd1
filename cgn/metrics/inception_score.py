"""Inception Score (Salimans et al. 2016, "Improved techniques for training GANs", section 4; Table 1).

IS = exp(E_x KL(p(y|x) || p(y))) is high when the classifier is sure of every image and the images are of many
classes. It is at least 1 and at most the number of classes. It depends on the number of images, the number of
splits, the truncation and the classifier; scores are comparable only if all four are equal.
"""

import numpy as np
from numpy.typing import NDArray


def inception_score(probabilities: NDArray[np.floating], splits: int) -> float:
    """The Inception Score of images with class probabilities (n, classes), averaged over `splits` parts.

    The images must be in random order; n % splits images at the end are left out. Raises ValueError when
    there are fewer images than splits.
    """
    size = len(probabilities) // splits
    if size == 0:
        raise ValueError(f"{len(probabilities)} images cannot be cut into {splits} splits")
    parts = probabilities[: splits * size].astype(np.float64).reshape(splits, size, -1)
    marginals = parts.mean(axis=1, keepdims=True)
    ratios = np.divide(parts, marginals, out=np.ones_like(parts), where=parts > 0)  # 0 log 0 = 0
    divergences = (parts * np.log(ratios)).sum(axis=2)
    return float(np.exp(divergences.mean(axis=1)).mean())
