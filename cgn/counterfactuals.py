"""Plans the label and noise of each mechanism for every counterfactual (sections 2.2, 2.3, 3.1) and draws it.

The plan of an image depends on the seed and the image's index only. The module serves all worlds: it does not
know how a mechanism turns label and noise into pixels.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cgn.scm import CounterfactualParams, Mechanisms, StructuralCausalModel
from cgn.seeding import indexed_integers

_LEADER = "shape"  # classifiers are trained on the label of this mechanism

Integers = NDArray[np.int64]
Table = Callable[[int, str, int, int, int], Any]  # seed, name, start, stop, width: see `cgn.seeding`


class Plan(NamedTuple):
    """Class labels and noise ids, int64 (n,) by mechanism, of the images `indices` (n,)."""

    seed: int
    indices: Integers
    labels: dict[str, Integers]
    noise: dict[str, Integers]
    shared_noise: bool = False  # noise ids are rows of one table for all mechanisms, not of a table for each

    def metadata(self, row: int) -> dict[str, Any]:
        """Returns the metadata that a shard stores with image `row` of the plan."""
        return {
            "index": int(self.indices[row]),
            "seed": self.seed,
            "labels": {name: int(ids[row]) for name, ids in self.labels.items()},
            "noise": {name: int(ids[row]) for name, ids in self.noise.items()},
        }

    def noise_of(self, mechanism: str, table: Table, name: str, width: int) -> Any:
        """Returns the noise (n, width) of a mechanism.

        Its rows come from the table `name` if noise is shared, else from the table `name`/`mechanism`.
        """
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
    """Plans the images with indices start to stop - 1.

    Image i belongs to group i // ratio. All images of a group share the shape's label and the shape's noise
    id, which is the group's number. The shape's label is uniform if `intervened` names the shape; otherwise
    it cycles through the classes in order. Each other mechanism draws a uniform label for every image if
    `intervened` names it, and has the shape's label otherwise. Its noise id is the group's (`noise: shared`;
    "we fix the noise u and randomly draw a", section 2.2) or the image's own (`per_mechanism`, section 3.1).
    With ratio 1 every image has new noise; the paper calls such images interventional.

    `given_shapes` are the labels (n,) of real images whose shapes are used in place of groups: image i has
    the label of real image i % n, and i % n is its shape's noise id.

    A class that `scm.do` fixed replaces the planned label; all other labels and all noise stay the same.
    Raises ValueError when it fixed an array of classes, because the images of a group share a shape.
    """
    fixed = {node.name: node.fixed for node in scm.nodes if node.fixed is not None}
    if of_images := [name for name, label in fixed.items() if np.ndim(label)]:
        raise ValueError(f"{', '.join(of_images)}: a plan takes one class after do(), not an array")
    indices = np.arange(start, stop)
    if given_shapes is not None:
        shape = indices % len(given_shapes)
        shape_labels = given_shapes[shape].astype(np.int64)
    else:
        shape = indices // params.ratio
        shape_labels = shape % classes
        if _LEADER in params.intervened:
            shape_labels = _rows(shape, indexed_integers, seed, f"label/{_LEADER}", classes)
    noise = dict.fromkeys(scm.mechanisms, shape)
    drawn = {}
    for name in set(scm.mechanisms) - {_LEADER}:
        if name in params.intervened:
            drawn[name] = _rows(indices, indexed_integers, seed, f"label/{name}", classes)
        if params.noise == "per_mechanism":
            noise[name] = indices
    labels = scm.do(**drawn | fixed).after_do(dict.fromkeys(scm.mechanisms, shape_labels))
    return Plan(seed, indices, labels, noise, params.noise == "shared")


def sample(
    scm: StructuralCausalModel,
    mechanisms: Mechanisms,
    plan: Plan,
    as_labels: Callable[[Integers], Any],
    noise_of: Callable[[str], Any],
    given: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Draws the images of a plan and returns the outputs of all nodes, as `StructuralCausalModel.evaluate`.

    `as_labels` turns class numbers (n,) into the labels that the mechanisms take. `noise_of` returns the
    noise (n, ...) of a mechanism by name. Images that share the shape's noise share its label, so their shape
    is drawn once.
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
    """Returns the rows `ids` of a table of unlimited length."""
    start, stop = (int(ids.min()), int(ids.max()) + 1) if len(ids) else (0, 0)
    return table(seed, name, start, stop, width)[ids - start]
