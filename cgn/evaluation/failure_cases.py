"""Finds the worst images of a CGN by fixed rules: the failures of section 4.1 and appendix F.

The judges were not used in the CGN's training. All mechanisms have the same noise and class, as in training.
"""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from pytorch_pretrained_biggan import BigGAN
from torch import Tensor

from cgn.evaluation.cgn_scores import Judges
from cgn.generators.imagenet.mechanisms import ImageNetCGN, Outputs
from cgn.io.pixels import to_bytes
from cgn.metrics.masks import ABOVE, background_residues, mask_ious
from cgn.networks.biggan import generate, truncated_noise
from cgn.seeding import indexed_integers

TRUNCATION = 1.0  # the truncation of counterfactuals, at which failures are most frequent
_BATCH = 50  # images at once
# By these rules the largest value is the worst; by the others, the smallest.
_LARGEST = ("background", "texture")

Numbers = NDArray[np.int64]


class FailureCases(NamedTuple):
    """The worst images by one rule, the worst first."""

    indices: Numbers  # (n,) numbers of the images
    labels: Numbers  # (n,) classes
    answers: Numbers  # (n,) classes that the classifier predicts for the composites
    values: NDArray[np.float64]  # (n,) values of the rule
    mean: float  # of the values of all candidates
    images: dict[str, NDArray[np.uint8]]  # rows to show, by title: (n, r, r, 3), masks (n, r, r, 1)


class _Drawn(NamedTuple):
    """Drawn images, x_gt, and the judges' outputs for them."""

    labels: Tensor
    truth: Tensor  # x_gt
    outputs: Outputs
    probabilities: Tensor  # (n, classes) of the composites
    objects: Tensor | None  # the segmenter's masks (n, 1, r, r) of x_gt
    residues: Tensor | None  # the segmenter's masks (n, 1, r, r) of b


@torch.inference_mode()
def failure_cases(
    cgn: ImageNetCGN,
    cgan: BigGAN,
    judges: Judges,
    candidates: int,
    worst: int,
    seed: int,
) -> dict[str, FailureCases]:
    """Finds the `worst` images (at most all) of `candidates` by each rule:

    - `mask`: lowest IoU of m with the segmenter's mask of x_gt, 0 to 1;
    - `background`: largest share of b that the segmenter calls object, in percent;
    - `texture`: highest correlation of f with x_gt outside of the object (m at most 0.5), -1 to 1, i.e. f
      still shows the background there;
    - `class`: lowest probability of the composite's class under the classifier, in percent.

    Without a segmenter the first two rules are left out. `cgan` is the GAN that `cgn` was trained with.
    """
    cgn.truncation = TRUNCATION

    def draw(indices: Numbers) -> _Drawn:
        rows = [
            truncated_noise(seed, "failures/noise", i, i + 1, cgn.sizes.noise_dimensions, TRUNCATION)
            for i in indices.tolist()
        ]
        noise, labels = torch.cat(rows), torch.from_numpy(all_labels[indices])
        outputs, truth = cgn.together(noise, labels), generate(cgan, noise, labels, TRUNCATION)
        probabilities = judges.probabilities(outputs.composite)
        segmenter = judges.segmenter
        masks = (None, None) if segmenter is None else (segmenter(truth), segmenter(outputs.background))
        return _Drawn(labels, truth, outputs, probabilities, *masks)

    all_labels = indexed_integers(seed, "failures/labels", 0, candidates, cgn.sizes.classes)
    batches = np.split(np.arange(candidates), range(_BATCH, candidates, _BATCH))
    judged = [_values(draw(indices)) for indices in batches]
    cases = {}
    for rule in judged[0]:
        values = np.concatenate([batch[rule] for batch in judged])
        order = np.argsort(-values if rule in _LARGEST else values, kind="stable")[:worst]
        drawn = draw(order)  # drawn again, because all candidates would need too much memory at full size
        answers = drawn.probabilities.argmax(dim=1).numpy()
        shown = {name: to_bytes(images) for name, images in _shown(rule, drawn).items()}
        cases[rule] = FailureCases(
            order, all_labels[order], answers, values[order], float(values.mean()), shown
        )
    return cases


def _values(drawn: _Drawn) -> dict[str, NDArray[np.float64]]:
    """The values (n,) of each rule."""
    values = {}
    if drawn.objects is not None and drawn.residues is not None:
        values["mask"] = mask_ious(drawn.outputs.mask[:, 0].numpy(), drawn.objects[:, 0].numpy())
        values["background"] = background_residues(drawn.residues[:, 0].numpy())
    outside = (drawn.outputs.mask <= ABOVE).double()
    values["texture"] = _correlations(drawn.outputs.foreground, drawn.truth, outside).numpy()
    right = drawn.probabilities.gather(1, drawn.labels.unsqueeze(1))[:, 0]
    values["class"] = right.double().numpy() * 100
    return values


def _correlations(first: Tensor, second: Tensor, where: Tensor) -> Tensor:
    """The correlations (n,) of images `first` and `second` (n, c, r, r) where `where` (n, 1, r, r) is 1.

    They are means over channels; 0 if the region is empty or if an image is constant in it.
    """
    area = where.sum(dim=(2, 3), keepdim=True).clamp(min=1)
    first, second = ((x - (x * where).sum(dim=(2, 3), keepdim=True) / area) * where for x in (first, second))
    norms = first.square().sum(dim=(2, 3)) * second.square().sum(dim=(2, 3))
    return ((first * second).sum(dim=(2, 3)) / norms.sqrt().clamp(min=1e-9)).mean(dim=1)


def _shown(rule: str, drawn: _Drawn) -> dict[str, Tensor]:
    """Three rows of images, masks scaled to [-1, 1], that show the failure by `rule`."""
    outputs = drawn.outputs
    rows: dict[str, dict[str, Tensor | None]] = {
        "mask": {"mask of x_gt": _as_image(drawn.objects), "mask m": _as_image(outputs.mask)},
        "background": {"background b": outputs.background, "object in b": _as_image(drawn.residues)},
        "texture": {"mask m": _as_image(outputs.mask), "texture f": outputs.foreground},
        "class": {"mask m": _as_image(outputs.mask), "composite": outputs.composite},
    }
    shown = {"x_gt": drawn.truth} | rows[rule]
    return {name: images for name, images in shown.items() if images is not None}


def _as_image(mask: Tensor | None) -> Tensor | None:
    return None if mask is None else mask * 2 - 1
