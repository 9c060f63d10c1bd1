"""The scores of a trained ImageNet CGN and of the GAN that it learnt from (Table 1, and two of ours).

Noise and classes of the images follow from the seed and their number: all networks are asked for the same.
Within an image all mechanisms have one noise and one class, as while training.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import torch
from pytorch_pretrained_biggan import BigGAN
from torch import Tensor, nn

from cgn.evaluation.params import CGNScoreParams
from cgn.generators.imagenet.mechanisms import ImageNetCGN
from cgn.generators.mask_losses import binary_entropy
from cgn.generators.pretraining.stored import load_segmenter, world_resolution
from cgn.io.files import why_left_out
from cgn.metrics.inception_score import inception_score
from cgn.metrics.masks import background_residue, mask_iou, mask_mean
from cgn.networks.biggan import generate, sizes_of, truncated_noise
from cgn.networks.inputs import resized
from cgn.networks.small_resnet import load_small_resnet
from cgn.seeding import indexed_integers

_BATCH = 50  # images at once


class Judges(NamedTuple):
    """Networks that the training has not seen, in evaluation mode."""

    classifier: nn.Module  # images (n, 3, r, r) in [-1, 1] to logits (n, classes)
    segmenter: nn.Module | None  # the same to masks (n, 1, r, r) in [0, 1]; None leaves its scores out
    resolution: int | None = None  # r of the classifier; None: that of the images

    def probabilities(self, images: Tensor) -> Tensor:
        """What the classifier says of images (n, 3, r, r) of any r: (n, classes)."""
        logits: Tensor = self.classifier(resized(images, self.resolution))
        return logits.softmax(dim=1)


def load_judges(models: Path, device: str | torch.device = "cpu") -> tuple[str, Judges]:
    """The judges of a world, out of its `models`, and the name of the one that classifies.

    The oracle knows the classes by shape alone, what a composite should keep; in a world of photos, which has
    none, the plain classifier judges.
    """
    classifiers, pretrained = models / "classifiers", models / "pretrained"
    name = next(name for name in ("oracle", "in") if not why_left_out(classifiers / name))
    segmenter = load_segmenter(pretrained)
    return name, Judges(
        load_small_resnet(classifiers / name).to(device),
        segmenter and segmenter.to(device),
        world_resolution(pretrained),
    )


@torch.inference_mode()
def gan_scores(
    cgan: BigGAN, judges: Judges, params: CGNScoreParams, images: int, seed: int
) -> dict[str, float]:
    """`inception_score` of the GAN itself, the upper bound of Table 1. It has no mask."""
    probabilities = [
        judges.probabilities(generate(cgan, noise, labels, params.truncation))
        for noise, labels in _inputs(cgan, params.truncation, images, seed)
    ]
    return {"inception_score": inception_score(torch.cat(probabilities).cpu().numpy(), params.splits)}


@torch.inference_mode()
def cgn_scores(
    cgn: ImageNetCGN, cgan: BigGAN, judges: Judges, params: CGNScoreParams, images: int, seed: int
) -> dict[str, float]:
    """The scores of the images of `cgn`: fractions; `mask_entropy` in bits, `background_residue` in percent.

    `cgan` is the GAN that `cgn` learnt from, whose images x_gt the masks are compared on. Without a segmenter
    there is no `mask_iou` and no `background_residue`.
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
    all_masks = torch.cat(masks).cpu().numpy()
    scores = {
        "inception_score": inception_score(torch.cat(probabilities).cpu().numpy(), params.splits),
        "mask_mean": mask_mean(all_masks),
        "mask_entropy": float(binary_entropy(torch.cat(masks))),
    }
    if judges.segmenter is not None:
        scores["mask_iou"] = mask_iou(all_masks, torch.cat(objects).cpu().numpy())
        scores["background_residue"] = background_residue(torch.cat(residues).cpu().numpy())
    return scores


def _inputs(cgan: BigGAN, truncation: float, images: int, seed: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Noise and classes of `images` images, in batches, on the device of `cgan`."""
    sizes, device = sizes_of(cgan), next(cgan.parameters()).device
    for start in range(0, images, _BATCH):
        places = (start, min(start + _BATCH, images))
        noise = truncated_noise(seed, "cgn_score/noise", *places, sizes.noise_dimensions, truncation)
        labels = indexed_integers(seed, "cgn_score/labels", *places, sizes.classes)
        yield noise.to(device), torch.from_numpy(labels).to(device)
