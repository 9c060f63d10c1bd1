"""Which label and which noise each mechanism gets for every generated image (sections 2.2, 2.3, 3.1).

The plan of an image is a function of the seed and the image's index alone. Nothing here knows how a
mechanism turns label and noise into pixels, or which world it belongs to.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cgn.scm import CounterfactualParams, StructuralCausalModel
from cgn.seeding import indexed_integers

_LEADER = "shape"  # the mechanism whose label a classifier is told


class Plan(NamedTuple):
    """For each mechanism: class labels and noise ids (n,) int64 of the images `start..stop`."""

    labels: dict[str, NDArray[np.int64]]
    noise: dict[str, NDArray[np.int64]]

    def metadata(self, row: int, index: int, seed: int) -> dict[str, Any]:
        """What is stored beside the image of a row of this plan, image `index` of the set of `seed`."""
        return {
            "index": index,
            "seed": seed,
            "labels": {name: int(ids[row]) for name, ids in self.labels.items()},
            "noise": {name: int(ids[row]) for name, ids in self.noise.items()},
        }


def plan_counterfactuals(
    scm: StructuralCausalModel,
    params: CounterfactualParams,
    classes: int,
    seed: int,
    start: int,
    stop: int,
) -> Plan:
    """The plan of images `start..stop` (indices, half-open).

    Image i belongs to group i // ratio. A group has one shape: one label and one noise id (the
    group's number). The other mechanisms, when `intervened` names them, draw a label for every
    image, uniformly and independently; otherwise they keep the shape's label. Their noise is the
    group's (`noise: shared`: "we fix the noise u and randomly draw a", section 2.2) or the image's
    own (`per_mechanism`, section 3.1). With ratio 1 every image has new noise: the paper's
    interventional images. A shape that is not intervened on cycles through the classes in order.
    """
    index = np.arange(start, stop)
    group = index // params.ratio
    first, last = start // params.ratio, (max(stop, start + 1) - 1) // params.ratio + 1
    if _LEADER in params.intervened:
        group_labels = indexed_integers(seed, f"label/{_LEADER}", first, last, classes)
    else:
        group_labels = np.arange(first, last) % classes
    return _with_textures(scm, params, classes, seed, index, group, group_labels[group - first])


def plan_given_shapes(
    scm: StructuralCausalModel,
    params: CounterfactualParams,
    classes: int,
    shape_labels: NDArray[np.integer],
    seed: int,
    start: int,
    stop: int,
) -> Plan:
    """The plan of images `start..stop` whose shapes are those of real images with `shape_labels` (n,).

    Image i has the shape of real image i % n, whose number stands for the shape's noise. `params.ratio` is
    not used; all else is as in `plan_counterfactuals`.
    """
    index = np.arange(start, stop)
    shape = index % len(shape_labels)
    return _with_textures(scm, params, classes, seed, index, shape, shape_labels[shape].astype(np.int64))


def _with_textures(
    scm: StructuralCausalModel,
    params: CounterfactualParams,
    classes: int,
    seed: int,
    index: NDArray[np.int64],
    shape: NDArray[np.int64],  # the shape's noise id of each image
    shape_labels: NDArray[np.int64],
) -> Plan:
    """Shapes, and labels and noise of the other mechanisms as the policy says."""
    labels, noise = {_LEADER: shape_labels}, {_LEADER: shape}
    start, stop = int(index[0]) if len(index) else 0, int(index[-1]) + 1 if len(index) else 0
    for mechanism in scm.mechanisms:
        if mechanism == _LEADER:
            continue
        if mechanism in params.intervened:
            labels[mechanism] = indexed_integers(seed, f"label/{mechanism}", start, stop, classes)
        else:
            labels[mechanism] = shape_labels
        noise[mechanism] = shape if params.noise == "shared" else index
    return Plan(labels, noise)
