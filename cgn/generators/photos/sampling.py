"""Counterfactuals of photos: x' = m1 * f2 + (1 - m1) * b3, each factor lent by a photo of the drawn class.

Labels and noise are planned as for every other world (`cgn.counterfactuals`). The noise of a mechanism
selects the photo of its class; abducted factors are given to the causal model, and only the composer
computes.
"""

import logging
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from cgn.counterfactuals import Plan, plan_counterfactuals, sample
from cgn.errors import UserError
from cgn.generators.ahead import in_blocks, samples_of
from cgn.generators.params import PatchParams
from cgn.generators.photos.factors import Bytes, Factors, textures
from cgn.io.shards import Sample
from cgn.scm import IMAGENET_SCM, CounterfactualParams, compose
from cgn.seeding import indexed_uniforms

BLOCK = 40

log = logging.getLogger(__name__)


class Lenders:
    """The photos with a usable object, by class. Raises UserError if fewer than two classes have some."""

    def __init__(self, factors: Factors, classes: Sequence[str]) -> None:
        count = int(factors.usable.sum())
        log.info("%d of %d photos have a usable object and lend their factors", count, len(factors.usable))
        chosen = np.flatnonzero(factors.usable)
        self._by_class = [chosen[factors.labels[chosen] == label] for label in range(len(classes))]
        self.labels = np.array([label for label, rows in enumerate(self._by_class) if len(rows)])
        missing = [name for name, rows in zip(classes, self._by_class, strict=True) if not len(rows)]
        if len(self.labels) < 2:
            raise UserError(
                f"photos with a usable object: {count}, of {len(self.labels)} classes; counterfactuals"
                " need two: give masks, or a wider imagenet.abduction.mask_interval"
            )
        if missing:
            log.warning("no usable object, so no counterfactual, of the classes: %s", ", ".join(missing))

    def photos(self, labels: NDArray[np.int64], noise: NDArray[np.float64]) -> NDArray[np.int64]:
        """The photo (n,) that noise (n,) on [0, 1) selects from each class of `labels` (n,)."""
        found = [self._by_class[label] for label in labels]
        return np.array([rows[int(u * len(rows))] for rows, u in zip(found, noise, strict=True)])


def sample_photos(
    factors: Factors,
    lenders: Lenders,
    policy: CounterfactualParams,
    patches: PatchParams,
    patched_share: float,  # of the images, in [0, 1]
    seed: int,
    start: int,
    stop: int,
) -> Iterator[Sample]:
    """Yields counterfactuals start to stop - 1 of the photos in `factors`.

    Labels are those of `policy`, over the classes with usable objects; each factor is lent by a photo of its
    own, whatever noise the policy shares. The share `patched_share` of the images wears the patch grid
    of the photo drawn for the foreground; the others keep the object's own texture, whose label is then the
    shape's. The metadata have the names of the photos that lent the factors, and "patched".
    """
    policy = policy.model_copy(update={"noise": "per_mechanism"})

    def block(first: int) -> list[Sample]:
        stop = first + BLOCK
        plan = plan_counterfactuals(IMAGENET_SCM, policy, len(lenders.labels), seed, first, stop)
        labels = {name: lenders.labels[places] for name, places in plan.labels.items()}
        patched = indexed_uniforms(seed, "photos/patched", first, stop, 1)[:, 0] < patched_share
        photos = {
            name: lenders.photos(labels[name], plan.noise_of(name, indexed_uniforms, "photos", 1)[:, 0])
            for name in IMAGENET_SCM.mechanisms
        }
        # Without an intervention on the texture, label and photo are the shape's.
        for of in (labels, photos):
            of["foreground"] = np.where(patched, of["foreground"], of["shape"])
        plan = plan._replace(labels=labels)
        samples = samples_of(plan, composed(factors, photos, patched, patches, plan))
        for row, made in enumerate(samples):
            lent = {name: factors.names[rows[row]] for name, rows in photos.items()}
            made.metadata.update(photos=lent, patched=bool(patched[row]))
        return samples

    return in_blocks(block, BLOCK, start, stop, torch.get_num_threads())


def composed(
    factors: Factors,
    photos: dict[str, NDArray[np.int64]],  # of each mechanism, (n,)
    patched: NDArray[np.bool_],
    patches: PatchParams,
    plan: Plan,
) -> Bytes:
    """The images (n, r, r, 3) of a plan, composed of the factors that `photos` lend."""
    shape, foreground = photos["shape"], photos["foreground"]
    surface = factors.images[foreground].copy()
    draws = indexed_uniforms(plan.seed, "photos/patches", *_span(plan.indices), patches.patch_grid**2)
    if patched.any():
        of = foreground[patched]
        surface[patched] = textures(factors.images[of], factors.masks[of], draws[patched], patches)
    given = {
        "shape": torch.from_numpy(factors.masks[shape][..., None]).float() / 255,
        "foreground": torch.from_numpy(surface).float(),
        "background": torch.from_numpy(factors.backgrounds[photos["background"]]).float(),
    }
    outputs = sample(
        IMAGENET_SCM, {"composer": compose}, plan, torch.from_numpy, plan.noise.__getitem__, given
    )
    images: Bytes = outputs["composer"].round().to(torch.uint8).numpy()
    return images


def _span(indices: NDArray[np.int64]) -> tuple[int, int]:
    return int(indices[0]), int(indices[-1]) + 1
