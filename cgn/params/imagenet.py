"""`imagenet`: the worlds, the mechanisms and their losses, the classifier."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from cgn.params.section import Count, NonNegative, Positive, Probability, Section
from cgn.params.shared import (
    ClassifierParams,
    CounterfactualParams,
    NetworkTrainingParams,
    TrainingBudget,
)

Resolution = Annotated[int, Field(ge=32, le=64, multiple_of=16)]
PhotoResolution = Annotated[int, Field(ge=32, le=256, multiple_of=16)]
HeldOut = Annotated[float, Field(gt=0, lt=0.5)]


class EmojiParams(Section):
    resolution: Resolution
    background_correlation: Probability
    surface_correlation: Probability


class FolderParams(Section):
    path: str | None
    resolution: PhotoResolution
    validation: HeldOut
    test: HeldOut


class ILSVRCParams(Section):
    path: str | None
    resolution: PhotoResolution
    validation: HeldOut


class LearningRates(Section):
    """Of Adam, one for the generator of each mechanism."""

    shape: Positive
    foreground: Positive
    background: Positive


class ImageNetCGNParams(Section):
    lambda_l1: NonNegative
    lambda_perceptual: NonNegative
    lambda_binary: NonNegative
    lambda_mask: NonNegative
    lambda_texture: NonNegative
    lambda_background: NonNegative
    gram_factor: Positive
    tau: Annotated[float, Field(ge=0, lt=0.5)]
    patch_source: Literal["composite", "ground_truth"]
    patch_size: Count
    patch_grid: Count
    patch_candidates: Count
    learning_rates: LearningRates
    truncation: Annotated[float, Field(gt=0, le=1)]
    start: Literal["pretrained", "scratch"]

    def lambdas(self) -> dict[str, float]:
        """The weight of each loss by its name, in the paper's order."""
        names = ("l1", "perceptual", "binary", "mask", "texture", "background")
        return {name: getattr(self, f"lambda_{name}") for name in names}


class ImageNetSamplingParams(Section):
    truncation: Annotated[float, Field(gt=0, le=1)]


class ImageNetClassifierParams(ClassifierParams):
    channels: Annotated[list[Count], Field(min_length=1)]
    mirror: bool


class CGNScoreParams(Section):
    truncation: Annotated[float, Field(gt=0, le=1)]
    splits: Count


class SheetsParams(Section):
    """Of the stage `imagenet_sheets`."""

    classes: Annotated[list[str], Field(min_length=1)] | None
    columns: Count
    truncation: Annotated[float, Field(gt=0, le=1)]
    interpolations: Count
    interpolation_frames: Annotated[int, Field(ge=2)]


class ImageNetCGNBudget(Section):
    """`accumulation` batches make one update; `precision` is that of the networks' arithmetic."""

    steps: Count
    batch: Count
    accumulation: Count
    precision: Literal["fp32", "bf16"]


class BigGANTrainingParams(Section):
    """Of a world that trains its own BigGAN. Lengths are in widths of the picture."""

    discriminator_channels: Annotated[list[Count], Field(min_length=2)]
    generator_learning_rate: Positive
    discriminator_learning_rate: Positive
    gradient_penalty: NonNegative
    gradient_penalty_interval: Count
    translation: Annotated[float, Field(ge=0, lt=0.5)]
    cutout: Annotated[float, Field(ge=0, lt=1)]
    weight_averaging: Annotated[float, Field(ge=0, lt=1)]
    statistics_batches: Count


class BigGANBudget(Section):
    steps: Count
    batch: Annotated[int, Field(ge=2)]


class PretrainingBudget(Section):
    """Sizes of the trainings, and how many images are rendered for them and for their scores."""

    renders: Count
    held_out: Count
    biggan: BigGANBudget
    u2net: TrainingBudget
    vgg: TrainingBudget
    segmenter: TrainingBudget


class PretrainingParams(Section):
    biggan: BigGANTrainingParams
    u2net: NetworkTrainingParams
    vgg: NetworkTrainingParams
    segmenter: NetworkTrainingParams
    world_images: Count
    budget: PretrainingBudget


class SaliencyParams(Section):
    """How a published U2-Net sees images; the resolution is in pixels."""

    normalisation: Literal["official", "raw"]
    resolution: Annotated[int, Field(ge=32)] | None


def _published(saliency: str) -> str:
    if saliency == "trained":
        raise ValueError("u2net, u2netp or a file: this source trains nothing")
    return saliency


class CommittedNetworks(Section):
    source: Literal["committed"]


class TrainedNetworks(PretrainingBudget):
    source: Literal["trained"]
    saliency: str


class PublishedNetworks(Section):
    source: Literal["published"]
    biggan: Literal["biggan_deep_256", "biggan_deep_128"]
    saliency: Annotated[str, AfterValidator(_published)]


class ImageNetParams(Section):
    world: Literal["emoji", "folder", "imagenet"]
    emoji: EmojiParams
    folder: FolderParams
    ilsvrc: ILSVRCParams
    pretraining: PretrainingParams
    saliency: SaliencyParams
    cgn: ImageNetCGNParams
    cgn_score: CGNScoreParams
    counterfactuals: CounterfactualParams
    sampling: ImageNetSamplingParams
    sheets: SheetsParams
    classifier: ImageNetClassifierParams
