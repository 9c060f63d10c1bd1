"""The scores of a trained ImageNet CGN and of the GAN that it was trained with (Table 1, and two of our own).

Noise and classes of the images are a function of the seed and the image's number, so all networks get the
same. All mechanisms of an image have the same noise and class, as in training.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from pytorch_pretrained_biggan import BigGAN
from torch import Tensor, nn

from cgn import ranks
from cgn.evaluation.params import CGNScoreParams
from cgn.generators.imagenet.mechanisms import ImageNetCGN, Outputs
from cgn.generators.mask_losses import binary_entropy
from cgn.generators.pretraining.stored import load_segmenter, world_resolution
from cgn.io.files import why_left_out
from cgn.metrics.inception_score import inception_score
from cgn.metrics.masks import background_residues, mask_ious, mask_mean
from cgn.networks.backbones import load_one_head
from cgn.networks.biggan import generate, sizes_of, truncated_noise
from cgn.networks.inception import load_inception
from cgn.networks.inputs import resized
from cgn.seeding import indexed_integers

_BATCH = 50  # images at once
_MASK_SCORES = ("mask_mean", "mask_entropy", "mask_iou", "background_residue")


class Judges(NamedTuple):
    """Networks that were not used in the CGN's training, in evaluation mode."""

    classifier: nn.Module  # images (n, 3, r, r) in [-1, 1] to logits (n, classes)
    segmenter: nn.Module | None  # images to masks (n, 1, r, r) in [0, 1]; None: its scores are left out
    resolution: int | None = None  # of the classifier's images; None: that of the generators

    def probabilities(self, images: Tensor) -> Tensor:
        """The classifier's probabilities (n, classes) for images (n, 3, r, r), which are resized."""
        logits: Tensor = self.classifier(resized(images, self.resolution))
        return logits.softmax(dim=1)


def load_judges(
    models: Path, device: str | torch.device = "cpu", inception: Path | None = None
) -> tuple[str, Judges]:
    """Loads the judges from the folder `models`; returns the name of the classifier and the judges.

    The classifier is the oracle, which knows classes by their shape, i.e. by what a composite should keep. A
    world of photos has no oracle, so there it is the plain classifier. With the published weights `inception`
    it is Inception, whatever the world.
    """
    classifiers, pretrained = models / "classifiers", models / "pretrained"
    segmenter = load_segmenter(pretrained)
    segmenter = segmenter and segmenter.to(device)
    if inception is not None:
        return "inception", Judges(load_inception(inception).to(device), segmenter)
    name = next(name for name in ("oracle", "in") if not why_left_out(classifiers / name))
    classifier = load_one_head(classifiers / name).to(device)
    return name, Judges(classifier, segmenter, world_resolution(pretrained))


@torch.inference_mode()
def gan_scores(
    cgan: BigGAN, judges: Judges, params: CGNScoreParams, images: int, seed: int
) -> dict[str, float]:
    """The `inception_score` of the GAN itself, the upper bound in Table 1.

    Raises ValueError when there are fewer images than `params.splits`.
    """
    probabilities = _Rows(images)
    for noise, labels in _inputs(cgan, params.truncation, images, seed):
        drawn = generate(cgan, noise, labels, params.truncation)
        probabilities.add(judges.probabilities(drawn).cpu().numpy())
    return {"inception_score": inception_score(probabilities.gathered(), params.splits)}


@torch.inference_mode()
def cgn_scores(
    cgn: ImageNetCGN, cgan: BigGAN, judges: Judges, params: CGNScoreParams, images: int, seed: int
) -> dict[str, float]:
    """The scores of `cgn`: `inception_score`, `mask_mean`, `mask_entropy`, `mask_iou`, `background_residue`.

    `mask_mean` and `mask_iou` are in [0, 1], `mask_entropy` is in bits, `background_residue` in percent.
    `cgan`, the GAN that `cgn` was trained with, draws the images x_gt for `mask_iou`. The last two scores
    need a segmenter. Raises ValueError when there are fewer images than `params.splits`.

    Each score but the first is the mean (1 / n) sum_i s_i of a number s_i of each image. All masks have
    equally many pixels, so those of `mask_mean` and `mask_entropy` are means over all pixels. No mask is kept
    beyond its batch: 50,000 of 256 pixels would be 13 GB.
    """
    cgn.truncation = params.truncation
    probabilities, numbers = _Rows(images), _Rows(images)
    for noise, labels in _inputs(cgan, params.truncation, images, seed):
        outputs = cgn.together(noise, labels)
        probabilities.add(judges.probabilities(outputs.composite).cpu().numpy())
        columns = _of_masks(outputs.mask)
        if judges.segmenter is not None:
            truth = generate(cgan, noise, labels, params.truncation)
            columns += _judged(outputs, truth, judges.segmenter)
        numbers.add(np.stack(columns, axis=1))
    scores = {"inception_score": inception_score(probabilities.gathered(), params.splits)}
    for name, column in zip(_MASK_SCORES, numbers.gathered().T, strict=False):  # the last two may be missing
        scores[name] = float(column.mean())
    return scores


def _of_masks(masks: Tensor) -> list[NDArray[np.float64]]:
    """The mean, 0 to 1, and the entropy, in bits, of each mask (n, 1, r, r) in [0, 1]; arrays (n,)."""
    one_by_one = list(masks.cpu())  # (1, r, r)
    return [
        np.array([mask_mean(mask.numpy()) for mask in one_by_one]),
        np.array([float(binary_entropy(mask)) for mask in one_by_one]),
    ]


def _judged(outputs: Outputs, truth: Tensor, segmenter: nn.Module) -> list[NDArray[np.float64]]:
    """The IoU, 0 to 1, and the background residue, in percent, of each image; arrays (n,).

    `truth` are the images x_gt (n, 3, r, r) in [-1, 1].
    """
    objects, residues = (segmenter(images)[:, 0].cpu().numpy() for images in (truth, outputs.background))
    return [mask_ious(outputs.mask[:, 0].cpu().numpy(), objects), background_residues(residues)]


class _Rows:
    """Numbers of this rank's images, a row of each, in one block of memory.

    Small arrays of many batches would lie between the large ones that come and go, and the allocator could
    then not place the next large ones there: with masks of 256 pixels, memory grew by 70 kB an image.
    """

    def __init__(self, most: int) -> None:
        """There is room for `most` rows; what is not filled takes no memory."""
        self._most, self._filled = most, 0
        self._block: NDArray[np.floating] = np.empty((0, 0))

    def add(self, rows: NDArray[np.floating]) -> None:
        """Copies the rows (n, numbers) of the next batch, which are as wide as those of the first."""
        if self._filled == 0:
            self._block = np.empty((self._most, rows.shape[1]), rows.dtype)
        self._block[self._filled : self._filled + len(rows)] = rows
        self._filled += len(rows)

    def gathered(self) -> NDArray[np.floating]:
        """The rows (images, numbers) of all ranks, in the order of the images."""
        filled = self._block[: self._filled]
        return np.concatenate(ranks.gathered([filled[i : i + _BATCH] for i in range(0, len(filled), _BATCH)]))


def _inputs(cgan: BigGAN, truncation: float, images: int, seed: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Yields noise and classes of `images` images, in batches, on the device of `cgan`.

    Each rank gets its own batches.
    """
    sizes, device = sizes_of(cgan), next(cgan.parameters()).device
    for start in ranks.own(range(0, images, _BATCH)):
        places = (start, min(start + _BATCH, images))
        noise = truncated_noise(seed, "cgn_score/noise", *places, sizes.noise_dimensions, truncation)
        labels = indexed_integers(seed, "cgn_score/labels", *places, sizes.classes)
        yield noise.to(device), torch.from_numpy(labels).to(device)
