"""The sections of the classifiers: the schedule that all methods share, and a section for each method."""

from typing import Annotated, Literal

from pydantic import Field

from cgn.section import Count, NonNegative, Positive, Probability, Section
from cgn.training.params import TrainingBudget


class ClassifierParams(Section):
    """The schedule that all methods share."""

    batch: Annotated[int, Field(ge=2)]
    optimizer: Literal["adam", "adadelta"]
    learning_rate: Positive
    warmup: Annotated[float, Field(ge=0, lt=1)]
    learning_rate_decay: Annotated[float, Field(gt=0, le=1)]
    decays: Count


class DigitClassifierParams(ClassifierParams):
    network: Literal["unpadded", "released"]


class ImageNetClassifierParams(ClassifierParams):
    start: str
    channels: Annotated[list[Count], Field(min_length=1)]
    mirror: bool


class ImageNetClassifiersBudget(TrainingBudget):
    oracle_image_passes: Count


class OriginalParams(Section):
    """Plain training on the biased images. It has no parameters."""


class MixtureParams(Section):
    real_share: Probability


class IRMParams(Section):
    # Correlations of irm_2 and of irm_5, which share the other values.
    environments: Annotated[
        dict[Literal["irm_2", "irm_5"], Annotated[list[Probability], Field(min_length=2)]],
        Field(min_length=2),
    ]
    penalty: NonNegative
    penalty_start: Annotated[float, Field(ge=0, lt=1)]
    environment_batch: Annotated[int, Field(ge=2)]
    weight_decay: NonNegative

    def correlations(self, method: str) -> list[float]:
        """The correlations of cue and label in the environments of irm_2 or irm_5."""
        return {**self.environments}[method]  # type: ignore[index]


class GroupDROParams(Section):
    environments: Annotated[list[Probability], Field(min_length=2)]
    step_size: NonNegative
    environment_batch: Count
    weight_decay: NonNegative

    def correlations(self, method: str) -> list[float]:
        """The correlations of cue and label in the environments."""
        return self.environments


class AugmentationParams(Section):
    share: Probability
    kernel_sizes: Annotated[list[Literal[1, 3, 5, 7]], Field(min_length=1)]


class LNTLParams(Section):
    bins: Annotated[int, Field(ge=2, le=256)]
    entropy_weight: NonNegative
    reversal_weight: NonNegative
    pretraining: Probability


Smoothing = Annotated[float, Field(ge=0, lt=1)]


class HeadSmoothing(Section):
    """The share of a counterfactual's label that is spread over all classes, for each head."""

    shape: Smoothing
    texture: Smoothing
    background: Smoothing


class EnsembleParams(Section):
    real_to_counterfactual: Positive
    label_smoothing: HeadSmoothing
    start: str
