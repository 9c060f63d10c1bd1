"""Sections that every world has: the sampling policy, the classifier's schedule and its length."""

from typing import Annotated, Literal

from pydantic import Field

from cgn.params.section import Count, Mechanism, Positive, Section


class CounterfactualParams(Section):
    """The sampling policy of `cgn.counterfactuals`."""

    intervened: Annotated[list[Mechanism], Field(min_length=1)]
    noise: Literal["shared", "per_mechanism"]
    ratio: Count


class ClassifierParams(Section):
    """The schedule that all methods share unless their section says otherwise."""

    batch: Annotated[int, Field(ge=2)]
    optimizer: Literal["adam", "adadelta"]
    learning_rate: Positive
    warmup: Annotated[float, Field(ge=0, lt=1)]
    learning_rate_decay: Annotated[float, Field(gt=0, le=1)]
    decays: Count


class NetworkTrainingParams(Section):
    """Of a small network that is trained by Adam; the rate rises for the share `warmup`, then falls to 0."""

    batch: Annotated[int, Field(ge=2)]
    learning_rate: Positive
    warmup: Annotated[float, Field(ge=0, lt=1)]


class TrainingBudget(Section):
    """How many images are shown to a network, each as often as it is."""

    image_passes: Count
