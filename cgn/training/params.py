"""The sections of any training of one network."""

from typing import Annotated

from pydantic import Field

from cgn.section import Count, Positive, Section


class NetworkTrainingParams(Section):
    """Of a small network that is trained by Adam; the rate rises for the share `warmup`, then falls to 0."""

    batch: Annotated[int, Field(ge=2)]
    learning_rate: Positive
    warmup: Annotated[float, Field(ge=0, lt=1)]


class TrainingBudget(Section):
    """How many images are shown to a network, each as often as it is."""

    image_passes: Count
