"""The base class and common types of the typed sections of params.yaml, budgets/ and assets.yaml.

The sections have no defaults. Those files hold and explain all values.
"""

import re
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

Probability = Annotated[float, Field(ge=0, le=1)]
NonNegative = Annotated[float, Field(ge=0)]
Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]


def _color(value: object) -> tuple[int, ...]:
    """Returns red, green and blue (0 to 255) of "#rrggbb"."""
    if not isinstance(value, str) or not re.fullmatch(r"#[0-9a-fA-F]{6}", value):
        raise ValueError('a colour is "#" and six hexadecimal digits, as "#00ff7f"')
    return tuple(bytes.fromhex(value[1:]))


def _words(value: object) -> object:
    return value.split() if isinstance(value, str) else value


Color = Annotated[tuple[int, int, int], BeforeValidator(_color)]
TenColors = Annotated[list[Color], Field(min_length=10, max_length=10), BeforeValidator(_words)]
Mechanism = Literal["shape", "foreground", "background"]


class Section(BaseModel):
    """A section of parameters. Unknown keys are errors, numbers are finite, and values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _no_truth_value_for_a_number(cls, values: Any) -> Any:
        for name, field in cls.model_fields.items():
            takes = (field.annotation, *get_args(field.annotation))
            if isinstance(values, dict) and isinstance(values.get(name), bool) and bool not in takes:
                raise ValueError(f"{name}: neither true nor false belongs here")
        return values
