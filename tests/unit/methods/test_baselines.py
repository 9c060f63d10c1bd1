"""Each baseline is built as its parameters say, and never as another one."""

from typing import Any

import pytest

from cgn.methods.algorithm import Algorithm
from cgn.methods.augmentation import AugmentedERM
from cgn.methods.baselines import on_biased, on_environments
from cgn.methods.erm import ERM
from cgn.methods.group_dro import GroupDRO
from cgn.methods.irm import IRM
from cgn.methods.lntl import LNTL
from cgn.params.methods import AugmentationParams, GroupDROParams, IRMParams, LNTLParams, OriginalParams
from cgn.params.section import Section
from cgn.params.shared import ClassifierParams
from tests.unit.methods.conftest import Make

VARIANT = "colored_mnist"


@pytest.mark.parametrize(
    ("params", "kind"),
    [
        (OriginalParams(), ERM),
        (LNTLParams(bins=8, entropy_weight=0.01, reversal_weight=0.1, pretraining=0.4), LNTL),
        (AugmentationParams(share=0.5, kernel_sizes=[1, 3]), AugmentedERM),
    ],
)
def test_on_biased(params: Any, kind: type[Algorithm], schedule: ClassifierParams, make: Make) -> None:
    images = make(VARIANT, 1.0)
    algorithm, source = on_biased("method", params, images, VARIANT, True, 640, schedule, 0)
    assert type(algorithm) is kind
    assert algorithm.steps == 640 // schedule.batch
    (minibatch,) = source.minibatches(0)
    assert len(minibatch.labels) == schedule.batch


@pytest.mark.parametrize(
    ("params", "kind"),
    [
        (
            IRMParams(
                environments={"irm_2": [0.9, 1.0], "irm_5": [0.9, 1.0]},
                penalty=1,
                penalty_start=0.3,
                environment_batch=6,
                weight_decay=0,
            ),
            IRM,
        ),
        (
            GroupDROParams(environments=[0.9, 1.0], step_size=0.1, environment_batch=6, weight_decay=0),
            GroupDRO,
        ),
    ],
)
def test_on_environments(params: Any, kind: type[Algorithm], schedule: ClassifierParams, make: Make) -> None:
    environments = [make(VARIANT, 0.9), make(VARIANT, 1.0)]
    algorithm, source = on_environments("method", params, environments, VARIANT, 120, schedule, 0)
    assert type(algorithm) is kind
    assert algorithm.steps == 120 // 12
    assert [len(batch.labels) for batch in source.minibatches(0)] == [6, 6]
    assert "loss" in algorithm.update(source.minibatches(0))


class ToyParams(Section):
    """Of a method that nobody has written."""

    environments: tuple[float, float] = (0.9, 1.0)
    environment_batch: int = 6


def test_parameters_of_an_unknown_kind_are_refused(schedule: ClassifierParams, make: Make) -> None:
    images, toy = make(VARIANT, 1.0), ToyParams()
    with pytest.raises(TypeError, match="toy: no method is trained with parameters of the type ToyParams"):
        on_biased("toy", toy, images, VARIANT, True, 640, schedule, 0)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="toy: no method is trained with parameters of the type ToyParams"):
        on_environments("toy", toy, [images, images], VARIANT, 120, schedule, 0)  # type: ignore[arg-type]


def test_an_unknown_optimizer_is_refused(schedule: ClassifierParams, make: Make) -> None:
    other = schedule.model_copy(update={"optimizer": "lion"})
    with pytest.raises(ValueError, match="lion: unknown optimizer"):
        on_biased("original", OriginalParams(), make(VARIANT, 1.0), VARIANT, True, 64, other, 0)
