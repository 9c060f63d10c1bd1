"""Numbers behind Figure 6: do colour and shape vary apart in the latents of a VAE or a GAN of Colored MNIST?

Two questions. What does each latent tell: colour and shape of images with random cues are read from it by
their nearest neighbours (VAEs only; a GAN has no encoder). What does each direction change: latents move
along it, and the colour and the digit of the image are read before and after. The CGN's interventions answer
the second question for comparison.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from cgn.io.pixels import from_bytes, to_bytes
from cgn.metrics.accuracy import Predictor, predict
from cgn.networks.vae import VAE
from cgn.seeding import generator

FACTORS = ("color", "shape")
NEIGHBOURS = 15
DIRECTIONS = 32  # the axes, and random ones
LENGTHS = (1.5, 3.0)  # of a step, in standard deviations of the prior
STARTS = 100  # points from which the steps start; half of them choose the best direction
ENOUGH = 0.25  # a direction counts if it changes a factor in this share of the steps
_BRIGHT = 0.8  # pixels of at least this share of the image's highest value show the digit's colour
_BLOCK = 500

Images = NDArray[np.uint8]
Latents = NDArray[np.float32]
Classes = NDArray[np.int64]
Read = dict[str, Classes]  # classes by factor
Decode = Callable[[Latents], Images]


class Encoded(NamedTuple):
    """Latents (n, latents) of images, and the classes (n,) of their colours and shapes."""

    latents: Latents
    classes: Read


def encode(vae: VAE, images: Images) -> Latents:
    """The means of the posteriors (n, latents)."""
    blocks = (from_bytes(torch.from_numpy(images[at : at + _BLOCK])) for at in range(0, len(images), _BLOCK))
    with torch.inference_mode():
        return np.concatenate([vae.encode(block)[0].numpy() for block in blocks])


def in_blocks(decode: Callable[[torch.Tensor], torch.Tensor]) -> Decode:
    """A function from latents to images uint8 (n, 32, 32, 3), computed in blocks."""

    def decoded(latents: Latents) -> Images:
        with torch.inference_mode():
            return np.concatenate(
                [
                    to_bytes(decode(torch.from_numpy(latents[at : at + _BLOCK])))
                    for at in range(0, len(latents), _BLOCK)
                ]
            )

    return decoded


def read_colors(images: Images, colors: NDArray[np.integer]) -> Classes:
    """The class (n,) whose colour, of `colors` (10, 3), is nearest to the mean of the bright pixels."""
    flat = images.reshape(len(images), -1, 3).astype(np.float64)
    value = flat.max(axis=2)
    bright = value >= _BRIGHT * value.max(axis=1, keepdims=True)
    means = (flat * bright[..., None]).sum(axis=1) / bright.sum(axis=1)[:, None]
    distances = np.square(means[:, None, :] - colors[None]).sum(axis=2)
    return np.asarray(distances.argmin(axis=1), np.int64)


class Reader(NamedTuple):
    """Reads colour and shape of images: the former by the variant's `colors`, the latter by a classifier."""

    colors: NDArray[np.integer]
    shapes: Predictor

    def read(self, images: Images) -> Read:
        """The classes (n,) by factor."""
        return {"color": read_colors(images, self.colors), "shape": predict(self.shapes, images)}


def told_by_latents(known: Encoded, scored: Encoded) -> dict[str, dict[str, float]]:
    """Percent of the `scored` images whose factor is that of most nearest neighbours in `known`, by factor.

    The neighbours are those in each latent alone, "latent_1", …, and in all latents together, "all".
    """
    count = known.latents.shape[1]
    parts = {f"latent_{number + 1}": [number] for number in range(count)} | {"all": [*range(count)]}
    found: dict[str, dict[str, float]] = {factor: {} for factor in FACTORS}
    for name, part in parts.items():
        near = _nearest(known.latents[:, part], scored.latents[:, part])
        for factor in FACTORS:
            votes = known.classes[factor][near]
            counts = np.stack([(votes == label).sum(axis=1) for label in range(10)], axis=1)
            found[factor][name] = float(np.mean(counts.argmax(axis=1) == scored.classes[factor]) * 100)
    return found


def _nearest(known: Latents, asked: Latents) -> NDArray[np.int64]:
    """The rows of the `NEIGHBOURS` nearest of `known` (n, d) to each of `asked` (m, d), (m, neighbours)."""
    squares = np.square(known).sum(axis=1)[None] - 2 * asked @ known.T
    return np.argpartition(squares, min(NEIGHBOURS, len(known)) - 1, axis=1)[:, :NEIGHBOURS]


def directions(latents: int, seed: int) -> Latents:
    """Unit vectors (`DIRECTIONS`, latents): of two latents evenly around the circle, else axes first."""
    if latents == 2:
        angles = np.arange(DIRECTIONS) * 2 * np.pi / DIRECTIONS
        return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    rows = generator(seed, "directions").normal(size=(DIRECTIONS, latents))
    rows = np.concatenate([np.eye(latents), -np.eye(latents), rows])[:DIRECTIONS]
    unit: Latents = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return unit


def changed_along(decode: Decode, starts: Latents, moves: Latents, reader: Reader) -> dict[str, Any]:
    """The scores of `changes` for steps of `LENGTHS` from `starts` (n, latents) along `moves` (d, latents).

    The moves are unit vectors.
    """
    steps = np.array(LENGTHS, np.float32)[:, None, None]
    ends = (reader.read(decode((starts + steps * move).reshape(-1, starts.shape[1]))) for move in moves)
    return changes(reader.read(decode(starts)), [*ends])


def changes(before: Read, ends: Sequence[Read]) -> dict[str, Any]:
    """How often a factor changes, and how often alone, i.e. while the other stays.

    `before` are the classes (n,) at the starts, `ends` those in each direction, (steps * n,). For a factor:
    `changes`: percent of all steps that change it. `alone`: of these, percent that keep the other.
    `alone_best`: the same in the direction in which it is highest for the even starts, measured on the odd
    ones, so that chance does not choose and score. Both are None if no step (or no direction often enough)
    changes the factor. `reached`: of the other classes of the factor, 0 to 9, the number that some step in
    some direction reaches while the other factor stays, mean over starts.
    """
    found = {
        factor: np.stack([end[factor].reshape(-1, len(before[factor])).T for end in ends])
        for factor in FACTORS
    }  # (directions, starts, steps)
    stays = {factor: classes == before[factor][:, None] for factor, classes in found.items()}
    scores: dict[str, Any] = {}
    for factor, other in (FACTORS, FACTORS[::-1]):
        moved, alone = ~stays[factor], ~stays[factor] & stays[other]
        choosing, measured = moved[:, ::2].sum(axis=(1, 2)), moved[:, 1::2].sum(axis=(1, 2))
        shares = alone[:, ::2].sum(axis=(1, 2)) / np.maximum(choosing, 1)
        enough = choosing >= ENOUGH * moved[0, ::2].size
        best = int(np.where(enough, shares, -1).argmax())
        reached = [
            len(set(found[factor][:, start][alone[:, start]].tolist())) for start in range(moved.shape[1])
        ]
        scores[factor] = {
            "changes": float(moved.mean() * 100),
            "alone": _percent(alone.sum(), moved.sum()),
            "alone_best": _percent(alone[best, 1::2].sum(), measured[best]) if enough.any() else None,
            "reached": float(np.mean(reached)),
        }
    return scores


def _percent(part: np.integer, whole: np.integer) -> float | None:
    return float(part / whole * 100) if whole else None
