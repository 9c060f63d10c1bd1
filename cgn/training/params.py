"""The sections that all trainings of a single network share."""

from typing import Annotated

from pydantic import Field

from cgn.section import Count, Positive, Section


class NetworkTrainingParams(Section):
    """The schedule of a small network: Adam, whose rate rises for the share `warmup`, then falls to 0."""

    batch: Annotated[int, Field(ge=2)]
    learning_rate: Positive
    warmup: Annotated[float, Field(ge=0, lt=1)]


class TrainingBudget(Section):
    """The length of a training in images shown; an image that is shown twice counts twice."""

    image_passes: Count
