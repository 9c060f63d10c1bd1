"""The sections of the generators: networks, losses, trainings and sampling."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from cgn.section import Count, NonNegative, Positive, Probability, Section
from cgn.training.params import NetworkTrainingParams, TrainingBudget


class DiscriminatorParams(Section):
    gradient_penalty: tuple[Positive, Positive]
    gradient_penalty_interval: Count
    translation: Annotated[int, Field(ge=0, le=16)]


Beta = Annotated[float, Field(ge=0, lt=1)]


class AdversarialParams(Section):
    """The discriminator and optimisation, which the CGN and the GAN baseline share."""

    label_dimensions: Count
    discriminator: DiscriminatorParams
    learning_rate: Positive
    adam_betas: tuple[Beta, Beta]
    learning_rate_decay_start: Probability
    weight_averaging: Annotated[float, Field(ge=0, lt=1)]


class CGNParams(Section):
    source: Literal["own", "paper", "released"]
    lambda_adversarial: NonNegative
    mismatch_weight: Annotated[list[NonNegative], Field(min_length=1)]
    lambda_binary: NonNegative
    lambda_mask: NonNegative
    lambda_border: NonNegative
    lambda_perceptual: NonNegative
    mask_start_radius: Annotated[float, Field(ge=0, le=16)] | None
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
    """The U-Net that predicts masks: the channels of each level, and its training."""

    channels: Annotated[list[Count], Field(min_length=2, max_length=6)]


class AbductionParams(Section):
    """How masks of real images are predicted, and which backgrounds they get."""

    segmenter: SegmenterParams
    backgrounds: Literal["generated", "observed"]


class GeneratorBudget(Section):
    width: Count
    noise_dimensions: Count
    discriminator_width: Count
    steps: Count
    batch: Annotated[int, Field(ge=2)]


class VAEParams(NetworkTrainingParams):
    """The beta-VAEs of Figure 6."""

    beta: NonNegative
    width: Count


class LatentsBudget(Section):
    """The trainings of Figure 6: each beta-VAE, and the plain GAN."""

    vae_image_passes: Count
    gan: GeneratorBudget


class SamplingBudget(Section):
    images: Count
    images_per_shard: Count


class AbductionBudget(SamplingBudget):
    """The segmenter is trained on `drawn` images of the CGN, with `image_passes` images shown in all."""

    drawn: Count
    image_passes: Count


class LearningRates(Section):
    """Adam's learning rate for the generator of each mechanism."""

    shape: Positive
    foreground: Positive
    background: Positive


class RefinementParams(Section):
    """The refinement network after the composer: its features (0: there is none) and Adam's rate."""

    features: Annotated[int, Field(ge=0)]
    learning_rate: Positive


class ImageNetCGNParams(Section):
    lambda_l1: NonNegative
    lambda_perceptual: NonNegative
    lambda_binary: NonNegative
    lambda_mask: NonNegative
    lambda_texture: NonNegative
    lambda_background: NonNegative
    gram_factor: Positive
    texture_taps: Literal["all", "middle"]
    tau: Annotated[float, Field(ge=0, lt=0.5)]
    patch_source: Literal["composite", "ground_truth"]
    patch_size: Count
    patch_grid: Count
    patch_candidates: Count
    learning_rates: LearningRates
    truncation: Annotated[float, Field(gt=0, le=1)]
    start: Literal["pretrained", "scratch"]
    refinement: RefinementParams

    def lambdas(self) -> dict[str, float]:
        """The weight of each loss by name, in the paper's order."""
        names = ("l1", "perceptual", "binary", "mask", "texture", "background")
        return {name: getattr(self, f"lambda_{name}") for name in names}


class ImageNetCGNBudget(Section):
    """The length of a training. An update takes `accumulation` batches; networks compute in `precision`."""

    steps: Count
    batch: Count
    accumulation: Count
    precision: Literal["fp32", "bf16"]


class ImageNetSamplingParams(Section):
    truncation: Annotated[float, Field(gt=0, le=1)]


class PatchParams(Section):
    """The patch grid of a photo's texture; the width of a patch is a share of the photo's."""

    patch_width: Annotated[float, Field(gt=0, le=1)]
    patch_grid: Count
    patch_candidates: Count


class PhotoFactorsParams(Section):
    """How the factors of photos are abducted."""

    mask_interval: tuple[Probability, Probability]
    border: Positive
    dilation: Annotated[float, Field(ge=0, lt=0.5)]

    @model_validator(mode="after")
    def _interval_is_ordered(self) -> "PhotoFactorsParams":
        low, high = self.mask_interval
        if low >= high:
            raise ValueError(f"mask_interval must rise, got [{low}, {high}]")
        return self


class ImageNetAbductionParams(Section):
    factors: PhotoFactorsParams
    patched_share: Probability
    texture: PatchParams


class BigGANTrainingParams(Section):
    """The training of a world's own BigGAN. Lengths are in widths of the image."""

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
    """The lengths of the trainings, and the numbers of images rendered for training and scoring."""

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
    """How images are preprocessed for a published U2-Net; the resolution is in pixels."""

    normalisation: Literal["official", "raw"]
    resolution: Annotated[int, Field(ge=32)] | None


class CommittedNetworks(Section):
    source: Literal["committed"]


class TrainedNetworks(PretrainingBudget):
    source: Literal["trained"]
    saliency: str


def _published(saliency: str) -> str:
    if saliency == "trained":
        raise ValueError("u2net, u2netp or a file: this source trains nothing")
    return saliency


class PublishedNetworks(Section):
    source: Literal["published"]
    biggan: Literal["biggan_deep_256", "biggan_deep_128"]
    saliency: Annotated[str, AfterValidator(_published)]


class OnlySaliency(Section):
    """A U2-Net alone, for counterfactuals of photos without a CGN."""

    source: Literal["saliency"]
    saliency: Annotated[str, AfterValidator(_published)]
