"""The paper's structural causal models (SCMs) of an image (Eq. 1, 2 and appendix B), and their evaluation.

An independent mechanism computes each node from its parents, a class label and a noise variable:
S_j := f_j(PA_j, Y_j, U_j). The composer has no parameters: X := M * F + (1 - M) * B.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal, TypeVar

from pydantic import Field

from cgn.section import Count, Mechanism, Section

Array = TypeVar("Array")
Mechanisms = Mapping[str, Callable[..., Any]]  # by the name of their node


class CounterfactualParams(Section):
    """How labels and noise of counterfactuals are drawn; params.yaml explains the keys."""

    intervened: Annotated[list[Mechanism], Field(min_length=1)]
    noise: Literal["shared", "per_mechanism"]
    ratio: Count


@dataclass(frozen=True)
class Node:
    """One structural assignment. The composer has neither label nor noise."""

    name: str  # the mechanism's name in parameters, shards and reports
    symbol: str  # the variable it assigns
    function: str  # the mechanism, as the paper writes it
    label: str | None = None
    noise: str | None = None
    parents: tuple[str, ...] = ()
    fixed: Any = None  # the class that an intervention do(label := fixed) has set, or an array of them (n,)

    def equation(self) -> str:
        """The assignment as text, e.g. `M := f_shape(Y1, U1)`."""
        label = f"{self.label} = {self.fixed}" if self.fixed is not None else self.label
        inputs = [*self.parents, *(value for value in (label, self.noise) if value)]
        return f"{self.symbol} := {self.function}({', '.join(inputs)})"


@dataclass(frozen=True)
class StructuralCausalModel:
    """A sequence of assignments in causal order: every parent comes before its children.

    Raises ValueError when a parent is not assigned before its child, or a symbol is assigned twice.
    """

    name: str
    nodes: tuple[Node, ...]

    def __post_init__(self) -> None:
        assigned: set[str] = set()
        for node in self.nodes:
            missing = set(node.parents) - assigned
            if missing or node.symbol in assigned:
                raise ValueError(
                    f"{self.name}: {node.symbol} has parents {missing} that nothing assigns before it"
                )
            assigned.add(node.symbol)

    @property
    def mechanisms(self) -> tuple[str, ...]:
        """Names of the mechanisms that take a label, in causal order. These can be intervened on."""
        return tuple(node.name for node in self.nodes if node.label is not None)

    def do(self, **labels: Any) -> "StructuralCausalModel":
        """Returns the model after do(Y_j := label) for the named mechanisms, e.g. `scm.do(shape=3)`.

        A label is a class, or an array (n,) with a class for each image of a call of `evaluate`; a plan of
        `cgn.counterfactuals` takes one class only.

        Raises ValueError for a name that is not a mechanism of this model.
        """
        unknown = set(labels) - set(self.mechanisms)
        if unknown:
            raise ValueError(
                f"{self.name} has no mechanism {sorted(unknown)}; it has {list(self.mechanisms)}"
            )
        nodes = (replace(node, fixed=labels.get(node.name, node.fixed)) for node in self.nodes)
        return replace(self, nodes=tuple(nodes))

    def after_do(self, labels: Mapping[str, Any]) -> dict[str, Any]:
        """Returns `labels` by mechanism, with the classes that `do` fixed put in.

        Labels are class numbers (n,) or mixtures (n, classes), of which a fixed class has the share 1.
        """
        fixed = {node.name: node.fixed for node in self.nodes if node.fixed is not None}
        return {name: _replaced(own, fixed[name]) if name in fixed else own for name, own in labels.items()}

    def evaluate(
        self,
        mechanisms: Mechanisms,
        labels: Mapping[str, Any],
        noise: Mapping[str, Any],
        given: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Computes the output of every node, by name, in causal order.

        All arguments are keyed by node names. A mechanism is called with the arguments of its node's
        equation: outputs of the parents, label, noise. Labels are class numbers or, if the mechanism takes
        them, mixtures of classes; a class that `do` fixed replaces them. An output in `given` is kept, and
        its mechanism is not called. Raises ValueError for a node that is in neither `mechanisms` nor `given`.
        """
        labels = self.after_do(labels)
        outputs: dict[str, Any] = {}
        values: dict[str, Any] = {}  # the same outputs by symbol, because parents are named by symbol
        for node in self.nodes:
            if given is not None and node.name in given:
                output = given[node.name]
            elif node.name in mechanisms:
                inputs = [values[parent] for parent in node.parents]
                if node.label is not None:
                    inputs.append(labels[node.name])
                if node.noise is not None:
                    inputs.append(noise[node.name])
                output = mechanisms[node.name](*inputs)
            else:
                raise ValueError(
                    f"{self.name}: no mechanism {node.name} for {node.equation()}; there are {[*mechanisms]}"
                )
            outputs[node.name] = values[node.symbol] = output
        return outputs

    def equations(self) -> list[str]:
        """The assignments as text, in causal order."""
        return [node.equation() for node in self.nodes]

    def edges(self) -> list[tuple[str, str]]:
        """Pairs (cause, effect) of symbols. The causes of a node are its label, noise and parents."""
        return [
            (cause, node.symbol)
            for node in self.nodes
            for cause in (node.label, node.noise, *node.parents)
            if cause is not None
        ]


def _replaced(labels: Any, label: Any) -> Any:
    """Class numbers (n,) or mixtures (n, classes) of the class `label`, or of the classes (n,)."""
    nothing = labels * 0
    if labels.ndim == 1:
        return nothing + label
    nothing[list(range(len(nothing))), label] = 1
    return nothing


_COMPOSER = Node("composer", "X_gen", "C", parents=("M", "F", "B"))

MNIST_SCM = StructuralCausalModel(
    "MNIST",
    (
        Node("shape", "M", "f_shape", label="Y1", noise="U1"),
        Node("foreground", "F", "f_text,1", label="Y2", noise="U2"),
        Node("background", "B", "f_text,2", label="Y3", noise="U3"),
        _COMPOSER,
    ),
)

IMAGENET_SCM = StructuralCausalModel(
    "ImageNet",
    (
        Node("shape", "M", "f_shape", label="Y1", noise="U1"),
        Node("foreground", "F", "f_text", label="Y2", noise="U2"),
        Node("background", "B", "f_bg", label="Y3", noise="U3"),
        _COMPOSER,
    ),
)


def compose(mask: Array, foreground: Array, background: Array) -> Array:
    """Composes an image, x_gen = m * f + (1 - m) * b (Eq. 2).

    `mask` is in [0, 1]; the three shapes broadcast, e.g. (n, 1, h, w) and (n, 3, h, w).
    """
    return mask * foreground + (1 - mask) * background  # type: ignore[operator,no-any-return]
