from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from cgn.counterfactuals import CounterfactualParams, Plan, plan_counterfactuals, sample
from cgn.scm import MNIST_SCM, Node, StructuralCausalModel, compose
from cgn.seeding import indexed_integers, indexed_normals

ALL = ["shape", "foreground", "background"]


def plan(start: int, stop: int, seed: int = 0, **changes: object):  # type: ignore[no-untyped-def]
    values = {"intervened": ALL, "noise": "per_mechanism", "ratio": 10} | changes
    params = CounterfactualParams.model_validate(values)
    return plan_counterfactuals(MNIST_SCM, params, 10, seed, start, stop)


def test_a_part_equals_that_part_of_the_whole() -> None:
    whole, part = plan(0, 500), plan(123, 321)
    for name in ALL:
        np.testing.assert_array_equal(part.labels[name], whole.labels[name][123:321])
        np.testing.assert_array_equal(part.noise[name], whole.noise[name][123:321])


def test_ratio_images_share_one_shape() -> None:
    made = plan(0, 1000, ratio=5)
    labels, noise = (values["shape"].reshape(200, 5) for values in (made.labels, made.noise))
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


def test_labels_are_the_rows_of_tables_of_their_own() -> None:
    made = plan(100, 150, seed=3, ratio=1)
    for name in ALL:
        rows = indexed_integers(3, f"label/{name}", 100, 150, 10)
        np.testing.assert_array_equal(made.labels[name], rows)


def test_given_labels_of_any_type_become_64_bits() -> None:
    params = CounterfactualParams(intervened=["background"], noise="shared", ratio=1)
    labels = np.array([200, 1], np.uint8)
    made = plan_counterfactuals(MNIST_SCM, params, 10, 0, 0, 4, labels)
    assert made.labels["shape"].dtype == np.int64


def test_shared_noise_is_of_one_table_and_no_images_are_a_plan() -> None:
    shared, own = plan(0, 40, noise="shared"), plan(0, 40)
    for name in ALL:
        ids = shared.noise[name]
        rows = indexed_normals(0, "noise", 0, 4, 3)[ids]
        np.testing.assert_array_equal(shared.noise_of(name, indexed_normals, "noise", 3), rows)
        first = own.noise_of(name, indexed_normals, "noise", 3)[0]
        np.testing.assert_array_equal(first, indexed_normals(0, f"noise/{name}", 0, 1, 3)[0])
    assert plan(7, 7).labels["background"].shape == (0,)


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
    made = plan_counterfactuals(MNIST_SCM, params, 10, 0, 100, 400, labels)
    np.testing.assert_array_equal(made.noise["shape"], np.arange(100, 400) % 3)
    np.testing.assert_array_equal(made.labels["shape"], labels[np.arange(100, 400) % 3])
    np.testing.assert_array_equal(made.labels["foreground"], made.labels["shape"])  # not intervened on
    np.testing.assert_array_equal(made.labels["background"], plan(100, 400).labels["background"])
    np.testing.assert_array_equal(made.noise["background"], np.arange(100, 400))


# A toy world of rows of five pixels, with a fourth mechanism: the object's shadow on the background.
TOY_SCM = StructuralCausalModel(
    "toy",
    (
        *MNIST_SCM.nodes[:3],
        Node("shadow", "S", "f_shadow", label="Y4", noise="U4", parents=("M",)),
        Node("composer", "X_gen", "C", parents=("M", "F", "B", "S")),
    ),
)
TOY_POLICY = CounterfactualParams.model_construct(intervened=[*ALL, "shadow"], noise="per_mechanism", ratio=5)
Rows = NDArray[np.floating]


def toy_shape(labels: NDArray[np.int64], noise: Rows) -> Rows:
    return (noise > labels[:, None] / 10).astype(float)


def toy_texture(labels: NDArray[np.int64], noise: Rows) -> Rows:
    return labels[:, None] + 0.1 * noise


def toy_shadow(mask: Rows, labels: NDArray[np.int64], noise: Rows) -> Rows:
    return np.roll(mask, 1, axis=1) * (1 + labels[:, None] + noise**2)


def toy_composer(mask: Rows, foreground: Rows, background: Rows, shadow: Rows) -> Rows:
    return compose(mask, foreground, background - shadow)


TOY_MECHANISMS = {
    "shape": toy_shape,
    "foreground": toy_texture,
    "background": toy_texture,
    "shadow": toy_shadow,
    "composer": toy_composer,
}


def toy(scm: StructuralCausalModel, **mechanisms: Any) -> tuple[Plan, dict[str, Any]]:
    """The plan of images 20 to 70, and what its nodes give."""
    made = plan_counterfactuals(scm, TOY_POLICY, 10, 0, 20, 70)
    noise = {name: made.noise_of(name, indexed_normals, "noise", 5) for name in scm.mechanisms}
    return made, sample(scm, TOY_MECHANISMS | mechanisms, made, np.asarray, noise.__getitem__)


def test_a_fourth_mechanism_goes_from_plan_to_images() -> None:
    made, outputs = toy(TOY_SCM)
    assert tuple(outputs) == (*ALL, "shadow", "composer")
    assert outputs["composer"].shape == (50, 5)
    for row, image in enumerate(outputs["composer"]):
        metadata = made.metadata(row)
        assert metadata["index"] == 20 + row
        assert metadata["seed"] == 0
        assert list(metadata["labels"]) == list(metadata["noise"]) == [*ALL, "shadow"]
        assert metadata["noise"]["shadow"] == 20 + row
        inputs = {}
        for name, number in metadata["noise"].items():
            noise = indexed_normals(0, f"noise/{name}", number, number + 1, 5)
            inputs[name] = (np.array([metadata["labels"][name]]), noise)
        mask = toy_shape(*inputs["shape"])
        textures = [toy_texture(*inputs[name]) for name in ("foreground", "background")]
        expected = toy_composer(mask, *textures, toy_shadow(mask, *inputs["shadow"]))
        np.testing.assert_allclose(image, expected[0], rtol=1e-6)
    assert len(np.unique(made.labels["shadow"])) == 10
    assert len(np.unique(outputs["composer"], axis=0)) == 50


def test_a_shape_is_computed_once_for_the_images_that_share_it() -> None:
    counts = []

    def counting(labels: NDArray[np.int64], noise: Rows) -> Rows:
        counts.append(len(noise))
        return toy_shape(labels, noise)

    np.testing.assert_array_equal(toy(TOY_SCM, shape=counting)[1]["composer"], toy(TOY_SCM)[1]["composer"])
    assert counts == [10]


@pytest.mark.parametrize("name", [*ALL, "shadow"])
def test_do_gives_the_images_whose_plan_has_that_label(name: str) -> None:
    made, outputs = toy(TOY_SCM)
    done, of_do = toy(TOY_SCM.do(**{name: 4}))
    np.testing.assert_array_equal(done.labels[name], np.full(50, 4))
    for other in {*TOY_SCM.mechanisms} - {name}:
        np.testing.assert_array_equal(done.labels[other], made.labels[other])
    same = made.labels[name] == 4
    assert 0 < same.sum() < 50
    for node, output in outputs.items():
        np.testing.assert_array_equal(of_do[node][same], output[same])
    changed = {node for node, output in outputs.items() if not np.array_equal(of_do[node], output)}
    assert changed == {name, "composer"} | ({"shadow"} if name == "shape" else set())


def test_a_plan_takes_one_class_for_all_images() -> None:
    with pytest.raises(ValueError, match=r"^shape: a plan takes one class"):
        toy(TOY_SCM.do(shape=np.arange(50) % 10))


def test_what_is_given_is_neither_drawn_nor_looked_up() -> None:
    made = plan_counterfactuals(TOY_SCM, TOY_POLICY, 10, 0, 20, 70, given_shapes=np.arange(7) % 3)
    observed = np.eye(5)[made.noise["shape"] % 5]

    def noise_of(name: str) -> Rows:
        assert name != "shape"
        rows: Rows = made.noise_of(name, indexed_normals, "noise", 5)
        return rows

    outputs = sample(TOY_SCM, TOY_MECHANISMS, made, np.asarray, noise_of, {"shape": observed})
    assert outputs["shape"] is observed
    np.testing.assert_array_equal(outputs["shadow"] > 0, np.roll(observed, 1, axis=1) > 0)
