"""Each method is built as its row says, and never as another one."""

from typing import Any

import pytest

from cgn.data.sources import Images
from cgn.methods.algorithm import Algorithm
from cgn.methods.augmentation import AugmentedERM
from cgn.methods.building import Task, on_biased, on_environments, on_random_cues
from cgn.methods.erm import ERM
from cgn.methods.group_dro import GroupDRO
from cgn.methods.irm import IRM
from cgn.methods.lntl import LNTL
from cgn.methods.params import (
    AugmentationParams,
    DigitClassifierParams,
    GroupDROParams,
    IRMParams,
    LNTLParams,
    OriginalParams,
)
from cgn.methods.registry import METHODS
from cgn.section import Section
from tests.unit.methods.conftest import Make


def task(schedule: DigitClassifierParams, updates: int) -> Task:
    return Task("colored_mnist", schedule, updates, 0, black_ground=True)


@pytest.mark.parametrize(
    ("method", "params", "kind"),
    [
        ("original", OriginalParams(), ERM),
        ("lntl", LNTLParams(bins=8, entropy_weight=0.01, reversal_weight=0.1, pretraining=0.4), LNTL),
        ("augmentation", AugmentationParams(share=0.5, kernel_sizes=[1, 3]), AugmentedERM),
    ],
)
def test_on_biased(
    method: str, params: Any, kind: type[Algorithm], schedule: DigitClassifierParams, make: Make
) -> None:
    images = make("colored_mnist", 1.0)
    algorithm, source = on_biased(method, params, images, task(schedule, 20))
    assert type(algorithm) is kind
    assert algorithm.steps == 20
    (minibatch,) = source.minibatches(0)
    assert len(minibatch.labels) == schedule.batch


IRM_PARAMS = IRMParams(
    environments={"irm_2": [0.9, 1.0], "irm_5": [0.9, 1.0]},
    penalty=1,
    penalty_start=0.3,
    environment_batch=6,
    weight_decay=0,
)
GROUP_DRO_PARAMS = GroupDROParams(environments=[0.9, 1.0], step_size=0.1, environment_batch=6, weight_decay=0)


@pytest.mark.parametrize(
    ("method", "params", "kind"),
    [("irm_2", IRM_PARAMS, IRM), ("group_dro", GROUP_DRO_PARAMS, GroupDRO)],
)
def test_on_environments(
    method: str, params: Any, kind: type[Algorithm], schedule: DigitClassifierParams, make: Make
) -> None:
    environments = [make("colored_mnist", correlation) for correlation in params.correlations(method)]
    algorithm, source = on_environments(method, params, environments, task(schedule, 20))
    assert type(algorithm) is kind
    assert algorithm.steps == 20  # as of a method with one environment
    assert [len(batch.labels) for batch in source.minibatches(0)] == [6, 6]
    assert "loss" in algorithm.update(source.minibatches(0))


def test_the_oracle_sees_new_images_in_every_pass(schedule: DigitClassifierParams, make: Make) -> None:
    drawn = []

    def draw(number: int) -> Images:
        drawn.append(number)
        return make("colored_mnist", 0.0)

    algorithm, source = on_random_cues("oracle", None, draw, 200, task(schedule, 20))
    assert type(algorithm) is ERM
    for step in range(13):
        source.minibatches(step)
    assert drawn == [0, 1, 2]


class ToyParams(Section):
    """Of a method that nobody has written."""

    environments: tuple[float, float] = (0.9, 1.0)
    environment_batch: int = 6


def test_an_unknown_method_is_refused(schedule: DigitClassifierParams, make: Make) -> None:
    images = make("colored_mnist", 1.0)
    with pytest.raises(ValueError, match="toy: unknown method; known are original, irm_2, irm_5,"):
        on_biased("toy", ToyParams(), images, task(schedule, 20))


def test_parameters_of_another_method_are_refused(schedule: DigitClassifierParams, make: Make) -> None:
    images, toy = make("colored_mnist", 1.0), ToyParams()
    with pytest.raises(TypeError, match="original: takes OriginalParams, not ToyParams"):
        on_biased("original", toy, images, task(schedule, 20))
    with pytest.raises(TypeError, match="irm_2: takes IRMParams, not GroupDROParams"):
        on_environments("irm_2", GROUP_DRO_PARAMS, [images, images], task(schedule, 20))


def test_an_unknown_optimizer_is_refused(schedule: DigitClassifierParams, make: Make) -> None:
    other = schedule.model_copy(update={"optimizer": "lion"})
    with pytest.raises(ValueError, match="lion: unknown optimizer"):
        on_biased("original", OriginalParams(), make("colored_mnist", 1.0), task(other, 20))


def test_every_row_says_what_a_reader_and_a_stage_need() -> None:
    for name, row in METHODS.items():
        assert row.title, name
        assert row.meaning, name
        assert (row.section is None) == (row.parameters is None), name
        assert bool(row.shards) == (row.data in ("gan_samples", "counterfactuals", "abducted")), name
    looks = [(row.color, row.dashes) for row in METHODS.values()]
    assert len(set(looks)) == len(looks)


def test_changes_that_dvc_does_not_see_are_seen_here() -> None:
    """dvc.yaml does not declare the list of methods to a training; this is what a training reads of it."""
    assert {name: (row.data, row.module, row.shards) for name, row in METHODS.items()} == {
        "original": ("biased", "erm", ""),
        "irm_2": ("environments", "irm", ""),
        "irm_5": ("environments", "irm", ""),
        "group_dro": ("environments", "group_dro", ""),
        "lntl": ("biased", "lntl", ""),
        "augmentation": ("biased", "augmentation", ""),
        "gan": ("gan_samples", "erm", "gan"),
        "cgn": ("counterfactuals", "erm", "counterfactuals"),
        "cgn_only": ("counterfactuals", "erm", "counterfactuals"),
        "cgn_abduction": ("abducted", "erm", "abducted"),
        "oracle": ("random_cues", "erm", ""),
    }
