import numpy as np
import pytest

from cgn.counterfactuals import plan_counterfactuals, plan_given_shapes
from cgn.scm import MNIST_SCM, CounterfactualParams

ALL = ["shape", "foreground", "background"]


def plan(start: int, stop: int, **changes: object):  # type: ignore[no-untyped-def]
    values = {"intervened": ALL, "noise": "per_mechanism", "ratio": 10} | changes
    params = CounterfactualParams.model_validate(values)
    return plan_counterfactuals(MNIST_SCM, params, 10, 0, start, stop)


def test_a_part_equals_that_part_of_the_whole() -> None:
    whole, part = plan(0, 500), plan(123, 321)
    for name in ALL:
        np.testing.assert_array_equal(part.labels[name], whole.labels[name][123:321])
        np.testing.assert_array_equal(part.noise[name], whole.noise[name][123:321])


def test_ratio_images_share_one_shape() -> None:
    made = plan(0, 1000, ratio=5)
    labels, noise = (values["shape"].reshape(200, 5) for values in made)
    assert (labels == labels[:, :1]).all()
    assert (noise == noise[:, :1]).all()
    assert len(np.unique(noise)) == 200
    assert len({tuple(row) for row in made.labels["background"].reshape(200, 5)}) > 190


def test_labels_are_uniform_and_independent() -> None:
    made = plan(0, 50_000, ratio=1)
    for name in ALL:
        assert abs(np.bincount(made.labels[name], minlength=10) / 5000 - 1).max() < 0.06
    assert abs(np.corrcoef([made.labels[name] for name in ALL]) - np.eye(3)).max() < 0.02


def test_ratio_one_draws_new_noise_for_every_image() -> None:
    assert len(np.unique(plan(0, 100, ratio=1, noise="shared").noise["shape"])) == 100


def test_noise_policies() -> None:
    shared = plan(0, 100, noise="shared")
    np.testing.assert_array_equal(shared.noise["background"], shared.noise["shape"])
    assert len(np.unique(plan(0, 100).noise["background"])) == 100


@pytest.mark.parametrize("kept", ["foreground", "background"])
def test_a_mechanism_that_is_not_intervened_on_keeps_the_label_of_the_shape(kept: str) -> None:
    made = plan(0, 200, intervened=[name for name in ALL if name != kept])
    np.testing.assert_array_equal(made.labels[kept], made.labels["shape"])
    other = ({"foreground", "background"} - {kept}).pop()
    assert (made.labels[other] != made.labels["shape"]).mean() > 0.8


def test_without_intervention_on_the_shape_classes_take_turns() -> None:
    made = plan(0, 100, intervened=["background"], ratio=2)
    np.testing.assert_array_equal(made.labels["shape"], np.arange(100) // 2 % 10)


def test_given_shapes_keep_their_labels_and_take_turns() -> None:
    params = CounterfactualParams(intervened=["shape", "background"], noise="per_mechanism", ratio=10)
    labels = np.array([3, 1, 4], np.uint8)
    made = plan_given_shapes(MNIST_SCM, params, 10, labels, 0, 100, 400)
    np.testing.assert_array_equal(made.noise["shape"], np.arange(100, 400) % 3)
    np.testing.assert_array_equal(made.labels["shape"], labels[np.arange(100, 400) % 3])
    np.testing.assert_array_equal(made.labels["foreground"], made.labels["shape"])  # not intervened on
    np.testing.assert_array_equal(made.labels["background"], plan(100, 400).labels["background"])
    np.testing.assert_array_equal(made.noise["background"], np.arange(100, 400))
