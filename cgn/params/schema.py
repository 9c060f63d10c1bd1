"""The types of all parameters, put together from the `params.py` of each package."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar, get_args

from pydantic import Field, GetCoreSchemaHandler, ValidatorFunctionWrapHandler, create_model
from pydantic_core import CoreSchema, core_schema

from cgn.data import params as data
from cgn.errors import UserError
from cgn.evaluation import params as evaluation
from cgn.generators import params as generators
from cgn.io.assets import Asset
from cgn.methods import params as methods
from cgn.methods.registry import METHODS
from cgn.scm import CounterfactualParams
from cgn.section import Count, Probability, Section
from cgn.training.params import LaunchParams, TrainingBudget

T = TypeVar("T")


class ByVariant(dict[str, T]):
    """The section of each variant, by the variant's name.

    In the file, any value may be a map of a `default` and the variants that differ, e.g. `penalty: {default:
    0.1, colored_mnist: 1.0}`. The section is validated for every variant.
    """

    def of(self, variant: str) -> T:
        """The section of one variant. Raises UserError for an unknown one."""
        if variant not in self:
            raise UserError(f"{variant}: not one of {', '.join(self)}")
        return self[variant]

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        (section,) = get_args(source)

        def validate(values: Any, of_one: ValidatorFunctionWrapHandler) -> ByVariant[T]:
            return cls(
                {variant: of_one(_of_one(values, variant)) for variant in data.VariantsParams.model_fields}
            )

        return core_schema.no_info_wrap_validator_function(
            validate, handler(section), serialization=core_schema.plain_serializer_function_ser_schema(dict)
        )


def _of_one(values: Any, variant: str, above: str = "") -> Any:
    """Replaces every map by variant in `values` by the variant's value."""
    known = ("default", *data.VariantsParams.model_fields)
    if not isinstance(values, Mapping):
        return values
    if not any(name in values for name in known):
        return {name: _of_one(value, variant, f"{above}{name}: ") for name, value in values.items()}
    if unknown := [str(name) for name in values if name not in known]:
        raise ValueError(f"{above}{', '.join(unknown)}: not one of {', '.join(known)}")
    if "default" not in values:
        raise ValueError(f"{above}lacks a default for the other variants")
    return values.get(variant, values["default"])


class MnistParams(Section):
    variants: data.VariantsParams
    correlation: Probability
    adversarial: generators.AdversarialParams
    cgn: ByVariant[generators.CGNParams]
    counterfactuals: CounterfactualParams
    abduction: ByVariant[generators.AbductionParams]
    classifier: methods.DigitClassifierParams
    mechanism_score: evaluation.MechanismScoreParams
    signals: evaluation.SignalsParams
    vae: generators.VAEParams


class ImageNetParams(Section):
    world: Literal["emoji", "folder", "imagenet"]
    emoji: data.EmojiParams
    folder: data.FolderParams
    ilsvrc: data.ILSVRCParams
    pretraining: generators.PretrainingParams
    saliency: generators.SaliencyParams
    cgn: generators.ImageNetCGNParams
    cgn_score: evaluation.CGNScoreParams
    counterfactuals: CounterfactualParams
    abduction: generators.ImageNetAbductionParams
    sampling: generators.ImageNetSamplingParams
    sheets: evaluation.SheetsParams
    classifier: methods.ImageNetClassifierParams


# A section for each method with parameters, and the ensemble's.
_by_variant: Any = ByVariant
_of_methods: Any = {row.section: _by_variant[row.parameters] for row in METHODS.values() if row.section}
MethodsParams: Any = create_model(
    "MethodsParams", __base__=Section, **_of_methods, ensemble=methods.EnsembleParams
)


class AssetsParams(Section):
    biggan_deep_256: Asset
    biggan_deep_128: Asset
    vgg16_bn: Asset
    u2net: Asset
    u2netp: Asset
    resnet50: Asset
    resnet50_sin: Asset
    resnet50_in_sin: Asset
    inception: Asset
    in9: Asset
    cue_conflict: Asset
    released_colored_mnist: Asset
    released_double_colored_mnist: Asset
    released_wildlife_mnist: Asset


class CueDrawsBudget(Section):
    cue_draws: Count


class CGNScoreBudget(Section):
    images: Count


class SheetsBudget(Section):
    failure_candidates: Count


class Budget(Section):
    """The sizes in a file of budgets/."""

    digits: data.DigitsBudget
    textures: data.TexturesBudget
    variants: CueDrawsBudget
    train_digit_classifier: TrainingBudget
    train_cgn: generators.GeneratorBudget
    train_gan: ByVariant[generators.GeneratorBudget]
    sample_counterfactuals: generators.SamplingBudget
    abduct: generators.AbductionBudget
    sample_gan: generators.SamplingBudget
    train_classifiers: methods.ClassifiersBudget
    train_signal_classifiers: TrainingBudget
    score_signals: CueDrawsBudget
    train_latents: generators.LatentsBudget
    imagenet_world: data.WorldBudget
    pretrained_networks: Annotated[
        generators.CommittedNetworks
        | generators.TrainedNetworks
        | generators.PublishedNetworks
        | generators.OnlySaliency,
        Field(discriminator="source"),
    ]
    train_imagenet_classifiers: methods.ImageNetClassifiersBudget
    train_imagenet_cgn: generators.ImageNetCGNBudget
    ablate_imagenet_cgn: generators.ImageNetCGNBudget
    score_imagenet_cgn: CGNScoreBudget
    imagenet_sheets: SheetsBudget
    sample_imagenet_counterfactuals: generators.SamplingBudget
    abduct_imagenet: generators.SamplingBudget
    train_ensemble: TrainingBudget


class Params(Section):
    seed: Annotated[int, Field(ge=0)]
    profile: str
    threads: Count
    launch: LaunchParams
    device: Literal["cpu", "cuda"]
    mnist: MnistParams
    imagenet: ImageNetParams
    methods: MethodsParams
    assets: AssetsParams
    budgets: Budget  # sizes of the profile
