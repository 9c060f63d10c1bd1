"""`mnist` of params.yaml: variants, generators, sampling policy, classifier."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from cgn.params.section import Count, NonNegative, Positive, Probability, Section, TenColors
from cgn.params.shared import ClassifierParams, CounterfactualParams, NetworkTrainingParams


class ColoredParams(Section):
    colors: TenColors
    variance: NonNegative


class DoubleColoredParams(Section):
    colors: TenColors
    foreground_shift: Annotated[int, Field(ge=0, le=9)]
    standard_deviation: NonNegative
    binarize_threshold: Probability


class WildlifeParams(Section):
    texture_size: Annotated[int, Field(ge=32)]
    crop_padding: Annotated[int, Field(ge=0)]
    binarize_threshold: Probability


class VariantsParams(Section):
    colored_mnist: ColoredParams
    double_colored_mnist: DoubleColoredParams
    wildlife_mnist: WildlifeParams


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


class TextureStarts(Section):
    colored_mnist: Literal["plain", "patterned"]
    double_colored_mnist: Literal["plain", "patterned"]
    wildlife_mnist: Literal["plain", "patterned"]


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
    texture_start: TextureStarts
    training_noise: Literal["shared", "per_mechanism"]

    @model_validator(mode="after")
    def _interval_is_ordered(self) -> "CGNParams":
        low, high = self.mask_interval
        if low >= high:
            raise ValueError(f"mask_interval must rise, got [{low}, {high}]")
        return self


class Backgrounds(Section):
    colored_mnist: Literal["generated", "observed"]
    double_colored_mnist: Literal["generated", "observed"]
    wildlife_mnist: Literal["generated", "observed"]


class SegmenterParams(NetworkTrainingParams):
    """What reads masks off images: features of each level of its U-Net, and its training."""

    channels: Annotated[list[Count], Field(min_length=2, max_length=6)]


class AbductionParams(Section):
    """How masks are read, and what goes around them."""

    segmenter: SegmenterParams
    backgrounds: Backgrounds


class MechanismScoreParams(Section):
    masks_per_class: Count
    read_share: Probability


class MnistParams(Section):
    variants: VariantsParams
    adversarial: AdversarialParams
    cgn: CGNParams
    counterfactuals: CounterfactualParams
    abduction: AbductionParams
    classifier: ClassifierParams
    mechanism_score: MechanismScoreParams
