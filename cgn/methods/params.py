"""The sections of the classifiers: the schedule that all methods share, and a section for each method."""

from typing import Annotated, Literal

from pydantic import Field

from cgn.section import Count, NonNegative, Positive, Probability, Section


class ClassifierParams(Section):
    """The schedule that all methods share."""

    batch: Annotated[int, Field(ge=2)]
    optimizer: Literal["adam", "adadelta", "sgd"]
    learning_rate: Positive
    warmup: Annotated[float, Field(ge=0, lt=1)]
    learning_rate_decay: Annotated[float, Field(gt=0, le=1)]
    decays: Count

    def decays_done(self, progress: float) -> int:
        """How often the learning rate has been multiplied when the share `progress` is done."""
        return min(int(progress * self.decays), self.decays - 1)


class DigitClassifierParams(ClassifierParams):
    network: Literal["unpadded", "released"]


class ImageNetClassifierParams(ClassifierParams):
    start: str
    channels: Annotated[list[Count], Field(min_length=1)]
    mirror: bool
    weight_decay: NonNegative
    decay_after: list[Probability] | None
    precision: Literal["fp32", "bf16"]
    channels_last: bool
    frozen_statistics: bool

    def decays_done(self, progress: float) -> int:
        """As in other schedules; with `decay_after`, once for each of these shares that is done."""
        if self.decay_after is None:
            return super().decays_done(progress)
        return sum(progress > share - 1e-9 for share in self.decay_after)


class ClassifiersBudget(Section):
    """The length of the training of each method, whatever the number of its environments."""

    updates: Count


class ImageNetClassifiersBudget(Section):
    image_passes: Annotated[int, Field(ge=0)]


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
    penalty_start: Annotated[float, Field(ge=0, lt=1)] | None
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
