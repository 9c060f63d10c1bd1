"""Training images whose masks and textures are of different origin, all of one run at a profile's sizes.

Every set has one shape for each training digit, drawn or real, and new textures for it in every pass over the
shapes, as the oracle's. So the sets differ neither in the number of images nor in that of shapes.
"""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cgn.counterfactuals import plan_counterfactuals
from cgn.data.mnist.masks import true_masks
from cgn.data.mnist.variants import draw_cues, synthesize
from cgn.data.sources import Images
from cgn.generators.mnist.abduction import load_segmenter, mask_bytes, read_masks, sample_given_shapes
from cgn.generators.mnist.mechanisms import CLASSES, DigitCGN
from cgn.generators.mnist.sampling import draw_masks
from cgn.generators.mnist.stored import load_cgn
from cgn.networks.unet import Segmenter
from cgn.params.reading import BUDGETS
from cgn.scm import MNIST_SCM
from cgn.seeding import generator, seed_for
from experiments.experiment import run_target, scratch_of
from experiments.segmentation import SEGMENTATIONS, extended
from experiments.settings import overridden
from experiments.training_stage import arrays_of

Arrays = dict[str, NDArray[Any]]
Draw = Callable[[int], Images]  # number of a pass -> an image of each shape
_BLOCK = 10_000  # masks drawn at once
_SHARDS = 1000  # images of the stage `abduct`, of which only the segmenter is wanted here

# Origins of masks and of textures, for tables.
MASKS = {
    "cgn": "the CGN's",
    "abducted": "by abduction: the CGN's segmenter",
    "otsu": "Otsu's threshold",
    "clusters": "two clusters of the image's colours",
    "class_clusters": "clusters of the class's colours",
    "grab_cut": "GrabCut",
    "true": "true",
}
TEXTURES = {
    "cgn": "the CGN's",
    "observed": "the CGN's, observed backgrounds",
    "cut": "cut out of other images, no generator",
    "true": "true",
}


class Recombination:
    """The data, the CGN and the segmenter of one run on one variant, and the images made of their parts."""

    def __init__(self, variant: str, settings: list[str]) -> None:
        """Makes what is missing as a DVC experiment with `settings`, and reads it."""
        self.variant, self.params = variant, overridden(settings)
        name = f"recombination-{variant}-{self.params.seed}".replace("_", "-")
        few = f"{BUDGETS}/{self.params.profile}.yaml:abduct"
        fewer = [f"{few}.images={_SHARDS}", f"{few}.images_per_shard={_SHARDS}"]
        self.made = run_target(name, f"abduct@{variant}", [*settings, *fewer], self.scratch)
        read = _read(name, variant, self.scratch)
        self.digits, self.textures, self.arrays, self._cgn, self._segmenter = read
        self._masks: dict[str, NDArray[np.uint8]] = {}
        self._cut: dict[str, tuple[NDArray[np.uint8], NDArray[np.uint8]]] = {}

    @property
    def scratch(self) -> Path:
        """The folder of checkpoints."""
        return scratch_of("decomposition") / f"{self.variant}_{self.params.seed}"

    @property
    def count(self) -> int:
        """The number of training digits, and of the shapes of every set."""
        return len(self.digits["train_labels"])

    def labels(self, origin: str) -> NDArray[np.uint8]:
        """The labels (count,) of `masks`: of drawn ones uniform, of others those of the training digits."""
        if origin != "cgn":
            return np.asarray(self.digits["train_labels"])
        return np.concatenate([plan.labels["shape"] for plan in self._plans()]).astype(np.uint8)

    def masks(self, origin: str) -> NDArray[np.uint8]:
        """Masks uint8 (count, 32, 32) of an origin in `MASKS`."""
        if origin not in self._masks:
            self._masks[origin] = self._new_masks(origin)
        return self._masks[origin]

    def _new_masks(self, origin: str) -> NDArray[np.uint8]:
        images = self.arrays["train_images"]
        if origin == "cgn":
            return np.concatenate([mask_bytes(draw_masks(self._cgn, plan)) for plan in self._plans()])
        if origin == "true":
            true = true_masks(self.digits["train_images"], self._own)
            return np.rint(true * 255).astype(np.uint8)
        if origin == "abducted":
            return read_masks(self._segmenter, images)
        return SEGMENTATIONS[origin](images, self.digits["train_labels"])

    def draw(self, masks: str, textures: str) -> Draw:
        """Draws images whose masks and textures are of these origins, keys of `MASKS` and `TEXTURES`."""
        shapes, labels, count = self.masks(masks), self.labels(masks), self.count
        if textures == "true":
            return lambda number: self._true(masks, shapes, labels, number)
        if textures == "cut":
            return lambda number: self._cut_out(masks, shapes, labels, number)
        givers = self.arrays["train_images"] if textures == "observed" else None
        seed = seed_for(self.params.seed, "abduct", self.variant)

        def generated(number: int) -> Images:
            policy, places = self.params.mnist.counterfactuals, (number * count, (number + 1) * count)
            samples = sample_given_shapes(self._cgn, shapes, labels, givers, policy, seed, *places)
            return Images(np.stack([sample.image for sample in samples]), labels)

        return generated

    def _true(self, origin: str, masks: NDArray[np.uint8], labels: NDArray[np.uint8], number: int) -> Images:
        """Masks with textures of the true process, whose cues are random."""
        if self._own.binarize_threshold is not None:  # the true masks are binary
            masks = (masks > 127) * np.uint8(255)
        random = generator(self.params.seed, "recombination", self.variant, origin, "true", number)
        cues = draw_cues(labels, 0.0, random)
        return Images(synthesize(self.variant, masks, cues, self._own, self.textures, random), labels)

    def _cut_out(
        self, origin: str, masks: NDArray[np.uint8], labels: NDArray[np.uint8], number: int
    ) -> Images:
        """Masks with the object of one training image and the background of another, of random classes.

        What lies inside and outside of their masks is `extended` to the whole image.
        """
        if origin not in self._cut:
            images = self.arrays["train_images"]
            self._cut[origin] = extended(images, masks), extended(images, ~masks)
        random = generator(self.params.seed, "recombination", self.variant, origin, "cut", number)
        chosen = [self._of_random_classes(random, len(labels)) for _ in self._cut[origin]]
        inner, outer = (whole[rows] for whole, rows in zip(self._cut[origin], chosen, strict=True))
        share = masks[..., None].astype(np.float32) / 255
        return Images(np.rint(share * inner + (1 - share) * outer).astype(np.uint8), labels)

    def _of_random_classes(self, random: np.random.Generator, count: int) -> NDArray[np.int64]:
        """Numbers (count,) of training images: a uniform class, then one of its images."""
        classes = random.integers(CLASSES, size=count)
        own = [np.flatnonzero(self.digits["train_labels"] == label) for label in range(CLASSES)]
        sizes = np.array([len(rows) for rows in own])
        places = (random.random(count) * sizes[classes]).astype(np.int64)
        rows: NDArray[np.int64] = np.concatenate(own)[np.cumsum(sizes)[classes] - sizes[classes] + places]
        return rows

    @property
    def _own(self) -> Any:
        return getattr(self.params.mnist.variants, self.variant)

    def _plans(self) -> list[Any]:
        """Plans of `count` shapes, each with a noise of its own."""
        policy = self.params.mnist.counterfactuals.model_copy(update={"ratio": 1})
        starts = range(0, self.count, _BLOCK)
        places = [(start, min(start + _BLOCK, self.count)) for start in starts]
        return [
            plan_counterfactuals(MNIST_SCM, policy, CLASSES, self.params.seed, *place) for place in places
        ]


class _Read(NamedTuple):
    digits: Arrays
    textures: Arrays
    arrays: Arrays  # of the variant
    cgn: DigitCGN
    segmenter: Segmenter


def _read(experiment: str, variant: str, scratch: Path) -> _Read:
    """Data, CGN and segmenter of an experiment, out of DVC's cache."""
    from dvc.api import DVCFileSystem

    system: Any = DVCFileSystem(rev=experiment)
    for name in ("cgn", "segmenter"):
        shutil.rmtree(scratch / name, ignore_errors=True)  # DVC would copy into an existing folder
        system.get(f"models/mnist/{name}/{variant}", str(scratch / name), recursive=True)
    digits, textures, arrays = (
        arrays_of(experiment, name) for name in ("digits", "textures", f"variants/{variant}")
    )
    models = load_cgn(scratch / "cgn"), load_segmenter(scratch / "segmenter")
    return _Read(digits, textures, arrays, *models)
