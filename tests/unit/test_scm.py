import numpy as np
import pytest

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
