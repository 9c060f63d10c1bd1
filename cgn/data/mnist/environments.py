"""Digits under cues of a chosen correlation: IRM's environments and the oracle's fresh cues."""

import numpy as np
from numpy.typing import NDArray

from cgn.data.mnist.variants import Textures, VariantParams, draw_cues, synthesize
from cgn.seeding import generator


def environment(
    variant: str,
    digits: NDArray[np.uint8],
    labels: NDArray[np.uint8],
    correlation: float,
    params: VariantParams,
    textures: Textures | None,
    seed: int,
    *names: str | int,
) -> NDArray[np.uint8]:
    """Images uint8 (n, 32, 32, 3) of `digits` (n, 28, 28), `correlation` in [0, 1] between cue and label.

    With probability `correlation` a cue's class is the label's, else uniform; foreground and background
    independently. `seed` and `names` say which draw of them.
    """
    rng = generator(seed, *names)
    return synthesize(variant, digits, draw_cues(labels, correlation, rng), params, textures, rng)
