"""The base class and common types of the typed sections of params.yaml, budgets/ and assets.yaml.

The sections have no defaults. Those files hold and explain all values.
"""

import re
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

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
