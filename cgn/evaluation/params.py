"""The sections of the generators' scores and sheets."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from cgn.section import Count, Positive, Probability, Section


class MechanismScoreParams(Section):
    binarize_threshold: Probability
    masks_per_class: Count
    read_share: Probability


class SignalsParams(Section):
    """The environments of appendix H, and what counts as a stable signal."""

    environments: Annotated[list[Probability], Field(min_length=2)]
    stable_below: Positive

    @model_validator(mode="after")
    def _environments_differ(self) -> "SignalsParams":
        if len(set(self.environments)) < len(self.environments):
            raise ValueError(f"environments must differ, got {self.environments}")
        return self


class CGNScoreParams(Section):
    truncation: Annotated[float, Field(gt=0, le=1)]
    splits: Count
    network: Literal["classifier", "inception"]


class SheetsParams(Section):
    """The settings of the stage `imagenet_sheets`."""

    classes: Annotated[list[str], Field(min_length=1)] | None
    columns: Count
    truncation: Annotated[float, Field(gt=0, le=1)]
    interpolations: Count
    interpolation_frames: Annotated[int, Field(ge=2)]
