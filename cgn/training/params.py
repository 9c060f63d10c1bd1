"""The sections that all trainings of a single network share, and how a stage is started."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from cgn.section import Count, Positive, Section


class NetworkTrainingParams(Section):
    """The schedule of a small network: Adam, whose rate rises for the share `warmup`, then falls to 0."""

    batch: Annotated[int, Field(ge=2)]
    learning_rate: Positive
    warmup: Annotated[float, Field(ge=0, lt=1)]


class TrainingBudget(Section):
    """The length of a training in images shown; an image that is shown twice counts twice."""

    image_passes: Count


class LaunchParams(Section):
    """The number of processes that share a stage's work, in all, and of the machines that they run on."""

    processes: Count
    machines: Count

    @model_validator(mode="after")
    def _equal_on_all(self) -> Self:
        if self.processes % self.machines:
            raise ValueError("processes must be a multiple of machines, which have equally many")
        return self
