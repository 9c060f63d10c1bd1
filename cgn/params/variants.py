"""`mnist.variants` of params.yaml, and values that differ from variant to variant."""

from collections.abc import Mapping
from typing import Annotated, Any, TypeVar, get_args

from pydantic import Field, GetCoreSchemaHandler, ValidatorFunctionWrapHandler
from pydantic_core import CoreSchema, core_schema

from cgn.errors import UserError
from cgn.params.section import NonNegative, Probability, Section, TenColors

T = TypeVar("T")


class VariantFacts(Section):
    """What every variant says of itself."""

    black_ground: bool
    binarize_threshold: Probability | None


class ColoredParams(VariantFacts):
    binarize_threshold: None
    colors: TenColors
    variance: NonNegative


class DoubleColoredParams(VariantFacts):
    binarize_threshold: Probability
    colors: TenColors
    foreground_shift: Annotated[int, Field(ge=0, le=9)]
    standard_deviation: NonNegative


class WildlifeParams(VariantFacts):
    binarize_threshold: Probability
    texture_size: Annotated[int, Field(ge=32)]
    crop_padding: Annotated[int, Field(ge=0)]


class VariantsParams(Section):
    colored_mnist: ColoredParams
    double_colored_mnist: DoubleColoredParams
    wildlife_mnist: WildlifeParams


class ByVariant(dict[str, T]):
    """A section as each variant has it, by their names.

    In the file any of its values may be a map of a `default` and the variants that differ:
    `penalty: {default: 0.1, colored_mnist: 1.0}`. The section is validated for every variant.
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
            return cls({variant: of_one(_of_one(values, variant)) for variant in VariantsParams.model_fields})

        return core_schema.no_info_wrap_validator_function(
            validate, handler(section), serialization=core_schema.plain_serializer_function_ser_schema(dict)
        )


def _of_one(values: Any, variant: str, above: str = "") -> Any:
    """`values` with the variant's own in place of every map by variant."""
    known = ("default", *VariantsParams.model_fields)
    if not isinstance(values, Mapping):
        return values
    if not any(name in values for name in known):
        return {name: _of_one(value, variant, f"{above}{name}: ") for name, value in values.items()}
    if unknown := [str(name) for name in values if name not in known]:
        raise ValueError(f"{above}{', '.join(unknown)}: not one of {', '.join(known)}")
    if "default" not in values:
        raise ValueError(f"{above}lacks a default for the other variants")
    return values.get(variant, values["default"])
