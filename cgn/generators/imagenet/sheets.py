"""The images of the sheets of appendix D: the mechanisms' outputs for one class, and interpolations."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from cgn.generators.imagenet.mechanisms import ImageNetCGN, Outputs
from cgn.io.pixels import to_bytes
from cgn.networks.biggan import truncated_noise
from cgn.scm import IMAGENET_SCM

# Name of an interpolation -> the mechanisms that move; the others stay at the start.
MOVES = {name: (name,) for name in IMAGENET_SCM.mechanisms} | {"all": IMAGENET_SCM.mechanisms}


@torch.inference_mode()
def outputs_of_class(cgn: ImageNetCGN, label: int, columns: int, truncation: float, seed: int) -> Outputs:
    """The outputs for `columns` noise vectors, the same for every class; all mechanisms get `label`.

    `truncation`, in (0, 1], scales the noise.
    """
    cgn.truncation = truncation
    noise = truncated_noise(seed, "sheets", 0, columns, cgn.sizes.noise_dimensions, truncation)
    return cgn.together(noise, torch.full((columns,), label))


@torch.inference_mode()
def interpolate(
    cgn: ImageNetCGN, noise: Tensor, classes: tuple[int, int], frames: int, truncation: float
) -> dict[str, Outputs]:
    """Interpolates from (u1, y1) to (u2, y2) in `frames` points, including both ends, for each of `MOVES`.

    `noise` (2, dimensions) holds u1 and u2, `classes` y1 and y2. Mechanisms that move get the noise (1 - t)
    u1 + t u2 and the class vector (1 - t) y1 + t y2, which interpolates the class embeddings; t rises from 0
    to 1 in equal steps. The others get u1 and y1. The mean of two noise vectors is shorter than each, so
    images halfway look like those of a smaller truncation. `truncation` is that of `noise`.
    """
    cgn.truncation = truncation
    t = torch.linspace(0, 1, frames).unsqueeze(1)
    one_hot = functional.one_hot(torch.tensor(classes), cgn.sizes.classes).float()

    def moving(ends: Tensor) -> Tensor:
        return (1 - t) * ends[0] + t * ends[1]

    def still(ends: Tensor) -> Tensor:
        return ends[0].expand(frames, -1)

    rows = {}
    for name, moved in MOVES.items():
        how = {part: moving if part in moved else still for part in IMAGENET_SCM.mechanisms}
        noises = {part: place(noise) for part, place in how.items()}
        rows[name] = cgn(noises, {part: place(one_hot) for part, place in how.items()})
    return rows


def as_bytes(outputs: Outputs) -> dict[str, NDArray[np.uint8]]:
    """Converts each output, by name, to uint8 (n, r, r, 3), the mask to uint8 (n, r, r, 1)."""
    images = outputs._replace(mask=outputs.mask * 2 - 1)
    return {name: to_bytes(drawn) for name, drawn in images._asdict().items()}
