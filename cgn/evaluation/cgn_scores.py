"""The scores of a trained ImageNet CGN and of the GAN that it was trained with (Table 1, and two of our own).

Noise and classes of the images are a function of the seed and the image's number, so all networks get the
same. All mechanisms of an image have the same noise and class, as in training.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import torch
from pytorch_pretrained_biggan import BigGAN
from torch import Tensor, nn

from cgn import ranks
from cgn.evaluation.params import CGNScoreParams
from cgn.generators.imagenet.mechanisms import ImageNetCGN
from cgn.generators.mask_losses import binary_entropy
from cgn.generators.pretraining.stored import load_segmenter, world_resolution
from cgn.io.files import why_left_out
from cgn.metrics.inception_score import inception_score
from cgn.metrics.masks import background_residue, mask_iou, mask_mean
from cgn.networks.backbones import load_one_head
from cgn.networks.biggan import generate, sizes_of, truncated_noise
from cgn.networks.inception import load_inception
from cgn.networks.inputs import resized
from cgn.seeding import indexed_integers

_BATCH = 50  # images at once


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
    """The `inception_score` of the GAN itself, the upper bound in Table 1."""
    probabilities = [
        judges.probabilities(generate(cgan, noise, labels, params.truncation))
        for noise, labels in _inputs(cgan, params.truncation, images, seed)
    ]
    return {"inception_score": inception_score(_joined(probabilities).numpy(), params.splits)}


@torch.inference_mode()
def cgn_scores(
    cgn: ImageNetCGN, cgan: BigGAN, judges: Judges, params: CGNScoreParams, images: int, seed: int
) -> dict[str, float]:
    """The scores of `cgn`: `inception_score`, `mask_mean`, `mask_entropy`, `mask_iou`, `background_residue`.

    `mask_mean` and `mask_iou` are in [0, 1], `mask_entropy` is in bits, `background_residue` in percent.
    `cgan`, the GAN that `cgn` was trained with, draws the images x_gt for `mask_iou`. The last two scores
    need a segmenter.
    """
    cgn.truncation = params.truncation
    probabilities, masks, objects, residues = [], [], [], []
    for noise, labels in _inputs(cgan, params.truncation, images, seed):
        outputs = cgn.together(noise, labels)
        probabilities.append(judges.probabilities(outputs.composite))
        masks.append(outputs.mask[:, 0])
        if judges.segmenter is not None:
            objects.append(judges.segmenter(generate(cgan, noise, labels, params.truncation))[:, 0])
            residues.append(judges.segmenter(outputs.background)[:, 0])
    all_masks = _joined(masks)
    scores = {
        "inception_score": inception_score(_joined(probabilities).numpy(), params.splits),
        "mask_mean": mask_mean(all_masks.numpy()),
        "mask_entropy": float(binary_entropy(all_masks)),
    }
    if judges.segmenter is not None:
        scores["mask_iou"] = mask_iou(all_masks.numpy(), _joined(objects).numpy())
        scores["background_residue"] = background_residue(_joined(residues).numpy())
    return scores


def _joined(parts: list[Tensor]) -> Tensor:
    """The batches of all ranks, in order, on the CPU."""
    return torch.cat(ranks.gathered([part.cpu() for part in parts]))


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
