"""What the mechanisms draw of one class: the columns of a sheet of appendix D.1."""

import numpy as np
import torch
from numpy.typing import NDArray

from cgn.generators.imagenet.mechanisms import ImageNetCGN, Outputs
from cgn.io.pixels import to_bytes
from cgn.networks.biggan import truncated_noise


@torch.inference_mode()
def outputs_of_class(cgn: ImageNetCGN, label: int, columns: int, truncation: float, seed: int) -> Outputs:
    """The outputs of `columns` noises, which are the same whatever the class; all mechanisms get `label`.

    `truncation` (above 0, up to 1) scales the noise.
    """
    cgn.truncation = truncation
    noise = truncated_noise(seed, "sheets", 0, columns, cgn.sizes.noise_dimensions, truncation)
    return cgn.together(noise, torch.full((columns,), label))


def as_bytes(outputs: Outputs) -> dict[str, NDArray[np.uint8]]:
    """Each output as uint8 (n, r, r, 3), the mask (n, r, r, 1), by its name."""
    images = outputs._replace(mask=outputs.mask * 2 - 1)
    return {name: to_bytes(drawn) for name, drawn in images._asdict().items()}
