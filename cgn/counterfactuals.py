"""Which label and which noise each mechanism gets for every generated image (sections 2.2, 2.3, 3.1).

The plan of an image is a function of the seed and the image's index alone. Nothing here knows how a
mechanism turns label and noise into pixels, or which world it belongs to.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cgn.common.seeding import indexed_integers
from cgn.params.shared import CounterfactualParams
from cgn.scm import StructuralCausalModel

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
    labels, noise = {_LEADER: group_labels[group - first]}, {_LEADER: group}
    for mechanism in scm.mechanisms:
        if mechanism == _LEADER:
            continue
        if mechanism in params.intervened:
            labels[mechanism] = indexed_integers(seed, f"label/{mechanism}", start, stop, classes)
        else:
            labels[mechanism] = labels[_LEADER]
        noise[mechanism] = group if params.noise == "shared" else index
    return Plan(labels, noise)
