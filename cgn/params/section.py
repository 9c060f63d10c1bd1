"""What the typed sections of params.yaml share.

The values and their explanation stand in params.yaml, never here: there are no defaults.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

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
