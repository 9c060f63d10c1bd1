from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from cgn.scm import IMAGENET_SCM, MNIST_SCM, Node, StructuralCausalModel, compose


def test_equations_are_those_of_appendix_b() -> None:
    assert MNIST_SCM.equations() == [
        "M := f_shape(Y1, U1)",
        "F := f_text,1(Y2, U2)",
        "B := f_text,2(Y3, U3)",
        "X_gen := C(M, F, B)",
    ]
    assert IMAGENET_SCM.equations()[2] == "B := f_bg(Y3, U3)"


def test_do_changes_only_the_named_mechanisms() -> None:
    intervened = MNIST_SCM.do(background=7)
    assert intervened.equations() == [
        *MNIST_SCM.equations()[:2],
        "B := f_text,2(Y3 = 7, U3)",
        "X_gen := C(M, F, B)",
    ]
    assert intervened.do(shape=1).equations()[0] == "M := f_shape(Y1 = 1, U1)"
    assert intervened.do(shape=1).equations()[2] == intervened.equations()[2]


def test_do_refuses_what_is_no_mechanism() -> None:
    with pytest.raises(ValueError, match="composer"):
        MNIST_SCM.do(composer=1)


def test_a_node_needs_its_parents_before_it() -> None:
    with pytest.raises(ValueError, match="M"):
        StructuralCausalModel("broken", (Node("composer", "X", "C", parents=("M",)),))


def by_hand(name: str) -> Callable[..., str]:
    """A mechanism that writes down what it is called with."""
    return lambda *inputs: f"{name}({', '.join(inputs)})"


MECHANISMS = {name: by_hand(name) for name in (*MNIST_SCM.mechanisms, "composer")}
LABELS = {"shape": "Y1", "foreground": "Y2", "background": "Y3"}
NOISE = {"shape": "U1", "foreground": "U2", "background": "U3"}


def test_each_mechanism_is_called_by_name_with_its_parents_label_and_noise() -> None:
    shadow = Node("shadow", "S", "f_shadow", label="Y4", noise="U4", parents=("M",))
    composer = Node("composer", "X_gen", "C", parents=("S", "B"))
    scm = StructuralCausalModel("toy", (*MNIST_SCM.nodes[:3], shadow, composer))
    mechanisms = {name: by_hand(name) for name in ("composer", "shadow", "background", "foreground", "shape")}
    outputs = scm.evaluate(mechanisms, LABELS | {"shadow": "Y4"}, NOISE | {"shadow": "U4"})
    assert list(outputs.items()) == [
        ("shape", "shape(Y1, U1)"),
        ("foreground", "foreground(Y2, U2)"),
        ("background", "background(Y3, U3)"),
        ("shadow", "shadow(shape(Y1, U1), Y4, U4)"),
        ("composer", "composer(shadow(shape(Y1, U1), Y4, U4), background(Y3, U3))"),
    ]


def test_a_given_output_stays_and_its_mechanism_is_not_called() -> None:
    mechanisms = {name: MECHANISMS[name] for name in ("foreground", "composer")}
    given = {"shape": "observed", "background": "seen"}
    outputs = MNIST_SCM.evaluate(mechanisms, {"foreground": "Y2"}, {"foreground": "U2"}, given)
    assert outputs["composer"] == "composer(observed, foreground(Y2, U2), seen)"


def test_a_missing_mechanism_is_named_in_one_line() -> None:
    incomplete = {name: made for name, made in MECHANISMS.items() if name != "background"}
    with pytest.raises(ValueError, match=r"^MNIST: no mechanism background for B := f_text,2\(Y3, U3\); .*$"):
        MNIST_SCM.evaluate(incomplete, LABELS, NOISE)


def test_do_overrules_a_label_wherever_the_model_is_evaluated() -> None:
    labels = {name: np.arange(3) for name in LABELS}
    mechanisms = dict.fromkeys(LABELS, lambda label, noise: label) | {"composer": lambda *parts: parts}
    outputs = MNIST_SCM.do(foreground=7).evaluate(mechanisms, labels, NOISE)
    np.testing.assert_array_equal(outputs["composer"], [[0, 1, 2], [7, 7, 7], [0, 1, 2]])


@pytest.mark.parametrize("of", [np.array, torch.tensor])
def test_do_replaces_numbers_and_mixtures_by_a_class(of: Callable[..., Any]) -> None:
    mixtures = of([[0.5, 0.5, 0.0], [0.1, 0.2, 0.7]])
    assert MNIST_SCM.do(shape=2).after_do({"shape": mixtures})["shape"].tolist() == [[0, 0, 1], [0, 0, 1]]
    numbers = of([4, 5])
    assert MNIST_SCM.do(shape=2).after_do({"shape": numbers})["shape"].tolist() == [2, 2]
    each = MNIST_SCM.do(shape=of([1, 0])).after_do({"shape": mixtures, "background": mixtures})
    assert each["shape"].tolist() == [[0, 1, 0], [1, 0, 0]]
    assert each["background"] is mixtures


def test_edges_lead_from_every_cause() -> None:
    assert set(MNIST_SCM.edges()) == {
        *(("Y1", "M"), ("U1", "M"), ("Y2", "F"), ("U2", "F"), ("Y3", "B"), ("U3", "B")),
        *(("M", "X_gen"), ("F", "X_gen"), ("B", "X_gen")),
    }


def test_compose_selects_by_mask() -> None:
    rng = np.random.default_rng(0)
    foreground, background = rng.normal(size=(2, 4, 3, 5, 5))
    np.testing.assert_array_equal(compose(np.ones((4, 1, 5, 5)), foreground, background), foreground)
    np.testing.assert_array_equal(compose(np.zeros((4, 1, 5, 5)), foreground, background), background)
    half = compose(np.full((4, 1, 5, 5), 0.5), foreground, background)
    np.testing.assert_allclose(half, (foreground + background) / 2)
