"""What the sheets of appendix D show: the mechanisms' outputs of one class, and interpolations."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from cgn.generators.imagenet.mechanisms import ImageNetCGN, Outputs
from cgn.io.pixels import to_bytes
from cgn.networks.biggan import truncated_noise
from cgn.scm import IMAGENET_SCM

# What moves in an interpolation -> the mechanisms that move with it; the others stay at the start.
MOVES = {name: (name,) for name in IMAGENET_SCM.mechanisms} | {"all": IMAGENET_SCM.mechanisms}


@torch.inference_mode()
def outputs_of_class(cgn: ImageNetCGN, label: int, columns: int, truncation: float, seed: int) -> Outputs:
    """The outputs of `columns` noises, which are the same whatever the class; all mechanisms get `label`.

    `truncation` (above 0, up to 1) scales the noise.
    """
    cgn.truncation = truncation
    noise = truncated_noise(seed, "sheets", 0, columns, cgn.sizes.noise_dimensions, truncation)
    return cgn.together(noise, torch.full((columns,), label))


@torch.inference_mode()
def interpolate(
    cgn: ImageNetCGN, noise: Tensor, classes: tuple[int, int], frames: int, truncation: float
) -> dict[str, Outputs]:
    """The images of `frames` points on the way from (u1, y1) to (u2, y2), both ends with them, by `MOVES`.

    `noise` (2, dimensions) are u1 and u2, `classes` y1 and y2. Mechanisms that move get
    (1 - t) u1 + t u2 and the class vector (1 - t) y1 + t y2, hence the same mean of the two embeddings;
    t rises from 0 to 1 in equal steps. The others get u1 and y1. The mean of two noises is shorter than
    they are: halfway an image is one of a smaller truncation. `truncation` is the one of `noise`.
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
    """Each output as uint8 (n, r, r, 3), the mask (n, r, r, 1), by its name."""
    images = outputs._replace(mask=outputs.mask * 2 - 1)
    return {name: to_bytes(drawn) for name, drawn in images._asdict().items()}
