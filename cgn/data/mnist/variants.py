"""Synthesizes the MNIST variants, in which cues correlate with the digit's class (section 4.1, appendix C).

A cue is the colour or texture of the digit (`foreground`) or of the background (`background`). Each cue has a
class of its own (`Cues`). With correlation 1 that class is the label; with correlation 0 it is random, and
only the shape tells the label. The same generator state gives the same bytes.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from cgn.data.mnist.digits import CLASSES, SPLITS
from cgn.data.params import ColoredParams, DoubleColoredParams, VariantFacts, VariantsParams, WildlifeParams
from cgn.seeding import generator

SIZE = 32
_BLOCK = 500  # images at once, so that the arrays stay in the processor's cache
_LOADER_WORKERS, _LOADER_BATCH = 8, 2000  # of the paper's released code, for the test images

VariantParams = VariantFacts  # the section of one variant
Textures = dict[str, NDArray[np.uint8]]
Scalar = TypeVar("Scalar", bound=np.generic)


class Cues(NamedTuple):
    """The classes of the two cues, uint8 (n,) each, 0 to 9."""

    foreground: NDArray[np.uint8]
    background: NDArray[np.uint8]


def draw_cues(labels: NDArray[np.uint8], correlation: float, rng: np.random.Generator) -> Cues:
    """Draws cues for `labels` (n,): with probability `correlation` the label, else uniform on 0 to 9.

    Foreground and background are drawn independently. P(cue = label) = correlation + (1 - correlation) / 10.
    """

    def draw() -> NDArray[np.uint8]:
        coupled = rng.random(len(labels)) < correlation
        uniform = rng.integers(CLASSES, size=len(labels), dtype=np.uint8)
        return np.where(coupled, labels, uniform).astype(np.uint8)

    return Cues(foreground=draw(), background=draw())


def upsample(digits: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Enlarges digits (n, 28, 28) to (n, 32, 32) by nearest neighbour."""
    nearest = np.arange(SIZE) * digits.shape[1] // SIZE
    return digits[:, nearest[:, None], nearest[None, :]]


def synthesize(
    variant: str,
    digits: NDArray[np.uint8],
    cues: Cues,
    params: VariantParams,
    textures: Textures | None,
    rng: np.random.Generator,
) -> NDArray[np.uint8]:
    """Draws images uint8 (n, 32, 32, 3) of `digits` uint8 (n, 28, 28) with `cues`.

    `params` is the variant's section. `textures`, which only Wildlife needs, has "foreground" and
    "background", uint8 (10, size, size, 3) each. `rng` draws the noise of colours or the places of texture
    crops. Raises ValueError when the variant is unknown, `params` is of another variant, or textures are
    missing.
    """
    if variant not in VARIANTS:
        raise ValueError(f"{variant}: not one of {', '.join(VARIANTS)}")
    row, section = VARIANTS[variant], VariantsParams.model_fields[variant].annotation
    if type(params) is not section or (row.textured and textures is None):
        given = f"{type(params).__name__} and {'no ' if textures is None else ''}textures"
        raise ValueError(f"{variant}: not what it takes: {given}")
    drawn_with = (textures, rng) if row.textured else (rng,)
    return row.draw(digits, cues, params, *drawn_with)


def synthesize_splits(
    variant: str,
    digits: dict[str, NDArray[np.uint8]],
    params: VariantParams,
    textures: Textures | None,
    cue_draws: int,
    correlation: float,
    seed: int,
) -> dict[str, NDArray[np.uint8]]:
    """Synthesizes the train, validation and test split of a variant.

    `digits` are those of `load_digits`. The arrays of each split are `images` uint8 (n, 32, 32, 3), `labels`,
    `foreground_labels` and `background_labels` uint8 (n,), with the split's name before them. In train and
    validation cues have the `correlation` with the label of `draw_cues` (at 1 both are the label). In test
    they are uniform, and all digits are repeated `cue_draws` times with new cues. In Colored MNIST the
    background is black, so the background label has no effect.
    """
    arrays: dict[str, NDArray[np.uint8]] = {}
    for split in SPLITS:
        repeats = cue_draws if split == "test" else 1
        images = np.concatenate([digits[f"{split}_images"]] * repeats)
        labels = np.concatenate([digits[f"{split}_labels"]] * repeats)
        rng = generator(seed, "variants", variant, split)
        cues = draw_cues(labels, 0.0 if split == "test" else correlation, rng)
        arrays[f"{split}_images"] = synthesize(variant, images, cues, params, textures, rng)
        arrays[f"{split}_labels"] = labels
        arrays[f"{split}_foreground_labels"] = cues.foreground
        arrays[f"{split}_background_labels"] = cues.background
    return arrays


def _colored(
    digits: NDArray[np.uint8], cues: Cues, params: ColoredParams, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """x = grey value * colour, on black (Kim et al. 2019)."""
    colors = _noisy_colors(params.colors, cues.foreground, params.variance**0.5, rng)
    rows = _rows_of(colors.astype(np.float32))
    images = np.empty((len(digits), SIZE, SIZE * 3), dtype=np.uint8)
    for block in _blocks(len(digits)):
        np.rint(_per_channel(upsample(digits[block])) * rows[block], out=images[block], casting="unsafe")
    return images.reshape(-1, SIZE, SIZE, 3)


def _double_colored(
    digits: NDArray[np.uint8], cues: Cues, params: DoubleColoredParams, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """x = m * f + (1 - m) * b, where f and b are plain colours."""
    shifted = np.roll(np.array(params.colors), -params.foreground_shift, axis=0)  # class c: c + shift
    draw = {"independent": _noisy_colors, "walking": _walking_colors}[params.color_noise]
    noise = params.standard_deviation
    foreground = _rows_of(_bytes(draw(shifted, cues.foreground, noise, rng)))
    background = _rows_of(_bytes(draw(params.colors, cues.background, noise, rng)))
    images = np.empty((len(digits), SIZE, SIZE * 3), dtype=np.uint8)
    for block in _blocks(len(digits)):
        mask = _mask(digits[block], params.binarize_threshold)
        images[block] = np.where(mask, foreground[block], background[block])
    return images.reshape(-1, SIZE, SIZE, 3)


def _wildlife(
    digits: NDArray[np.uint8],
    cues: Cues,
    params: WildlifeParams,
    textures: Textures,
    rng: np.random.Generator,
) -> NDArray[np.uint8]:
    """x = m * f + (1 - m) * b, where f and b are random crops of the cues' textures."""
    foreground = _Crops(textures["foreground"], params.crop_padding, cues.foreground, rng)
    background = _Crops(textures["background"], params.crop_padding, cues.background, rng)
    images = np.empty((len(digits), SIZE, SIZE * 3), dtype=np.uint8)
    for block in _blocks(len(digits)):
        mask = _mask(digits[block], params.binarize_threshold)
        images[block] = np.where(mask, foreground.take(block), background.take(block))
    return images.reshape(-1, SIZE, SIZE, 3)


class Variant(NamedTuple):
    """A variant: its title and the function that draws it."""

    title: str  # in reports
    draw: Callable[..., NDArray[np.uint8]]  # digits, cues, parameters, generator -> images
    textured: bool = False  # whether `draw` takes textures, before the generator


# `VariantsParams` has their sections, by the same names.
VARIANTS = {
    "colored_mnist": Variant("Colored MNIST", _colored),
    "double_colored_mnist": Variant("Double-colored MNIST", _double_colored),
    "wildlife_mnist": Variant("Wildlife MNIST", _wildlife, textured=True),
}


class _Crops:
    """For every image i, a 32x32 crop of texture `classes[i]` at a uniform place."""

    def __init__(
        self, textures: NDArray[np.uint8], padding: int, classes: NDArray[np.uint8], rng: np.random.Generator
    ) -> None:
        pad = (padding, padding)
        padded = np.ascontiguousarray(np.pad(textures, ((0, 0), pad, pad, (0, 0)), mode="reflect"))
        places = padded.shape[1] - SIZE + 1
        self._classes = classes
        self._tops, self._lefts = rng.integers(places, size=(2, len(classes)))
        # A view of all possible crops, with rows of 96 contiguous bytes: indexing copies only those taken.
        image, row, column, byte = padded.strides
        self._windows = as_strided(
            padded,
            shape=(len(padded), places, places, SIZE, SIZE * 3),
            strides=(image, row, column, row, byte),
            writeable=False,
        )

    def take(self, block: slice) -> NDArray[np.uint8]:
        """The crops of the images in `block`, uint8 (n, 32, 96)."""
        crops: NDArray[np.uint8] = self._windows[self._classes[block], self._tops[block], self._lefts[block]]
        return crops


def _noisy_colors(
    colors: NDArray[np.int64] | list[tuple[int, int, int]],
    classes: NDArray[np.uint8],
    standard_deviation: float,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """The classes' colours (0 to 255) as (n, 3) in [0, 1], plus normal noise for each image and channel."""
    means = np.array(colors)[classes] / 255
    return np.clip(means + standard_deviation * rng.standard_normal(means.shape), 0, 1)


def _walking_colors(
    colors: NDArray[np.int64] | list[tuple[int, int, int]],
    classes: NDArray[np.uint8],
    standard_deviation: float,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """As `_noisy_colors`, but a class keeps the noise of its earlier images, as in the paper's released code.

    There the noise is added to the list of colours in place, by each worker of the data loader in a list of
    its own: a random walk of each class and worker. (Values there may leave [0, 1]; images of bytes cannot.)
    """
    workers = np.arange(len(classes)) // _LOADER_BATCH % _LOADER_WORKERS
    walks = workers * CLASSES + classes
    order = np.argsort(walks, kind="stable")
    total = np.cumsum(standard_deviation * rng.standard_normal((len(classes), 3)), axis=0)
    starts = np.flatnonzero(np.diff(walks[order], prepend=-1))  # the first image of each walk
    lengths = np.diff(starts, append=len(classes))
    before = np.concatenate([np.zeros((1, 3)), total])[starts]
    walked = np.empty_like(total)
    walked[order] = total - np.repeat(before, lengths, axis=0)
    return np.clip(np.array(colors)[classes] / 255 + walked, 0, 1)


# Below, an image is (32, 96), rows of 32 pixels with three channels each, because numpy is several times
# faster on such rows than on a last axis of three.


def _mask(digits: NDArray[np.uint8], threshold: float) -> NDArray[np.bool_]:
    """The enlarged digits' masks (n, 32, 96)."""
    return _per_channel(upsample(digits) > threshold * 255)


def _per_channel(pixels: NDArray[Scalar]) -> NDArray[Scalar]:
    """Repeats every pixel of (n, 32, 32) for three channels: (n, 32, 96)."""
    return np.repeat(pixels, 3, axis=2)


def _rows_of(colors: NDArray[Scalar]) -> NDArray[Scalar]:
    """Repeats colours (n, 3) to one row of pixels each, (n, 1, 96), which broadcasts over the image."""
    return np.tile(colors, (1, SIZE))[:, None, :]


def _bytes(fractions: NDArray[np.float64]) -> NDArray[np.uint8]:
    return np.rint(fractions * 255).astype(np.uint8)


def _blocks(count: int) -> Iterator[slice]:
    return (slice(start, start + _BLOCK) for start in range(0, count, _BLOCK))


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
    """Synthesizes an environment, images uint8 (n, 32, 32, 3) of `digits` uint8 (n, 28, 28).

    `correlation`, in [0, 1], is that of `draw_cues`. `seed` and `names` seed the generator.
    """
    rng = generator(seed, *names)
    return synthesize(variant, digits, draw_cues(labels, correlation, rng), params, textures, rng)
