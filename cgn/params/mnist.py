"""`mnist`: generators, sampling policy, classifier (the variants: `cgn.params.variants`)."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from cgn.params.section import Count, NonNegative, Positive, Probability, Section
from cgn.params.shared import ClassifierParams, CounterfactualParams, NetworkTrainingParams
from cgn.params.variants import ByVariant
from cgn.params.variants import ColoredParams as ColoredParams
from cgn.params.variants import DoubleColoredParams as DoubleColoredParams
from cgn.params.variants import VariantsParams as VariantsParams
from cgn.params.variants import WildlifeParams as WildlifeParams


class DiscriminatorParams(Section):
    gradient_penalty: tuple[Positive, Positive]
    gradient_penalty_interval: Count
    translation: Annotated[int, Field(ge=0, le=16)]


Beta = Annotated[float, Field(ge=0, lt=1)]


class AdversarialParams(Section):
    """What the CGN and the GAN baseline share: discriminator and optimisation."""

    label_dimensions: Count
    discriminator: DiscriminatorParams
    learning_rate: Positive
    adam_betas: tuple[Beta, Beta]
    learning_rate_decay_start: Probability
    weight_averaging: Annotated[float, Field(ge=0, lt=1)]


class CGNParams(Section):
    lambda_adversarial: NonNegative
    mismatch_weight: Annotated[list[NonNegative], Field(min_length=1)]
    lambda_binary: NonNegative
    lambda_mask: NonNegative
    lambda_border: NonNegative
    lambda_perceptual: NonNegative
    mask_start_radius: Annotated[float, Field(ge=0, le=16)]
    mask_warmup: Probability
    mask_interval: tuple[Probability, Probability]
    border_width: Annotated[int, Field(ge=1, le=15)]
    binary_warmup: Probability
    texture_shuffle: Literal["permute", "shift", "none"]
    patch_size: Literal[4, 8, 16]
    texture_start: Literal["plain", "patterned"]
    training_noise: Literal["shared", "per_mechanism"]

    @model_validator(mode="after")
    def _interval_is_ordered(self) -> "CGNParams":
        low, high = self.mask_interval
        if low >= high:
            raise ValueError(f"mask_interval must rise, got [{low}, {high}]")
        return self


class SegmenterParams(NetworkTrainingParams):
    """What reads masks off images: features of each level of its U-Net, and its training."""

    channels: Annotated[list[Count], Field(min_length=2, max_length=6)]


class AbductionParams(Section):
    """How masks are read, and what goes around them."""

    segmenter: SegmenterParams
    backgrounds: Literal["generated", "observed"]


class MechanismScoreParams(Section):
    binarize_threshold: Probability
    masks_per_class: Count
    read_share: Probability


class MnistParams(Section):
    variants: VariantsParams
    adversarial: AdversarialParams
    cgn: ByVariant[CGNParams]
    counterfactuals: CounterfactualParams
    abduction: ByVariant[AbductionParams]
    classifier: ClassifierParams
    mechanism_score: MechanismScoreParams
