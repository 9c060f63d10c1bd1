"""The sections of the generators' scores and sheets."""

from typing import Annotated

from pydantic import Field

from cgn.section import Count, Probability, Section


class MechanismScoreParams(Section):
    binarize_threshold: Probability
    masks_per_class: Count
    read_share: Probability


class CGNScoreParams(Section):
    truncation: Annotated[float, Field(gt=0, le=1)]
    splits: Count


class SheetsParams(Section):
    """The settings of the stage `imagenet_sheets`."""

    classes: Annotated[list[str], Field(min_length=1)] | None
    columns: Count
    truncation: Annotated[float, Field(gt=0, le=1)]
    interpolations: Count
    interpolation_frames: Annotated[int, Field(ge=2)]
