"""Which label and which noise each mechanism gets for every generated image (sections 2.2, 2.3, 3.1), and the
images that follow.

The plan of an image is a function of the seed and the image's index alone. Nothing here knows how a
mechanism turns label and noise into pixels, or which world it belongs to.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cgn.scm import CounterfactualParams, Mechanisms, StructuralCausalModel
from cgn.seeding import indexed_integers

_LEADER = "shape"  # the mechanism whose label a classifier is told

Integers = NDArray[np.int64]
Table = Callable[[int, str, int, int, int], Any]  # seed, name, start, stop, width: as those of cgn.seeding


class Plan(NamedTuple):
    """Images `indices` (n,) of the set of `seed`: class labels and noise ids (n,) int64 of each mechanism."""

    seed: int
    indices: Integers
    labels: dict[str, Integers]
    noise: dict[str, Integers]
    shared_noise: bool = False  # ids are rows of one table for all mechanisms; else each has its own

    def metadata(self, row: int) -> dict[str, Any]:
        """What is stored beside the image of a row."""
        return {
            "index": int(self.indices[row]),
            "seed": self.seed,
            "labels": {name: int(ids[row]) for name, ids in self.labels.items()},
            "noise": {name: int(ids[row]) for name, ids in self.noise.items()},
        }

    def noise_of(self, mechanism: str, table: Table, name: str, width: int) -> Any:
        """The noise of a mechanism, (n, width): rows of the endless table `name` of all, or of its own."""
        own = name if self.shared_noise else f"{name}/{mechanism}"
        return _rows(self.noise[mechanism], table, self.seed, own, width)


def plan_counterfactuals(
    scm: StructuralCausalModel,
    params: CounterfactualParams,
    classes: int,
    seed: int,
    start: int,
    stop: int,
    given_shapes: NDArray[np.integer] | None = None,
) -> Plan:
    """The plan of images `start..stop` (indices, half-open).

    Image i belongs to group i // ratio. A group has one shape: one label and one noise id (the
    group's number). The other mechanisms, when `intervened` names them, draw a label for every
    image, uniformly and independently; otherwise they keep the shape's label. Their noise is the
    group's (`noise: shared`: "we fix the noise u and randomly draw a", section 2.2) or the image's
    own (`per_mechanism`, section 3.1). With ratio 1 every image has new noise: the paper's
    interventional images. A shape that is not intervened on cycles through the classes in order.

    `given_shapes`: the labels (n,) of real images whose shapes are taken, without groups: image i has that of
    real image i % n, whose number stands for the shape's noise.

    A label that `scm.do` fixed takes the place of the policy's, and changes no other.
    """
    indices = np.arange(start, stop)
    if given_shapes is not None:
        shape = indices % len(given_shapes)
        shape_labels = given_shapes[shape].astype(np.int64)
    else:
        shape = indices // params.ratio
        shape_labels = shape % classes
        if _LEADER in params.intervened:
            shape_labels = _rows(shape, indexed_integers, seed, f"label/{_LEADER}", classes)
    labels = dict.fromkeys(scm.mechanisms, shape_labels)
    noise = dict.fromkeys(scm.mechanisms, shape)
    for name in set(scm.mechanisms) - {_LEADER}:
        if name in params.intervened:
            labels[name] = _rows(indices, indexed_integers, seed, f"label/{name}", classes)
        if params.noise == "per_mechanism":
            noise[name] = indices
    return Plan(seed, indices, scm.after_do(labels), noise, params.noise == "shared")


def sample(
    scm: StructuralCausalModel,
    mechanisms: Mechanisms,
    plan: Plan,
    as_labels: Callable[[Integers], Any],
    noise_of: Callable[[str], Any],
    given: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The outputs of all nodes for the images of a plan, by name, as `StructuralCausalModel.evaluate` says.

    `as_labels` makes of class numbers (n,) what the mechanisms take, `noise_of` finds the noise (n, ...) of
    the mechanism of a name. Images that share the shape's noise share its label: it is drawn once for them.
    """
    _, rows, row_of = np.unique(plan.noise[_LEADER], return_index=True, return_inverse=True)

    def once(mechanism: Callable[..., Any]) -> Callable[..., Any]:
        return lambda labels, noise: mechanism(labels[rows], noise[rows])[row_of]

    drawn = [name for name in scm.mechanisms if name not in (given or {})]
    return scm.evaluate(
        {name: once(each) if name == _LEADER else each for name, each in mechanisms.items()},
        {name: as_labels(plan.labels[name]) for name in drawn},
        {name: noise_of(name) for name in drawn},
        given,
    )


def _rows(ids: Integers, table: Table, seed: int, name: str, width: int) -> Any:
    """Rows `ids` of an endless table."""
    start, stop = (int(ids.min()), int(ids.max()) + 1) if len(ids) else (0, 0)
    return table(seed, name, start, stop, width)[ids - start]
