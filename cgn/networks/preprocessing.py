"""What a stored classifier must tell besides its weights: its classes, and how images become its inputs."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from torch import Tensor

from cgn.errors import UserError
from cgn.io.files import read_json

Channels = Literal["rgb", "bgr"]
_Three = Annotated[list[float], Field(min_length=3, max_length=3)]


@dataclass(frozen=True)
class Preprocessing:
    """The inputs that a network was trained on: images of `resolution` squared in [0, 1], then normalised."""

    resolution: int
    mean: Sequence[float]  # of each channel, in the order of `channels`
    deviation: Sequence[float]  # of each channel
    channels: Channels = "rgb"

    @classmethod
    def of(cls, weights: Any) -> "Preprocessing":
        """The preprocessing of weights that torchvision publishes, a member of a `WeightsEnum`."""
        preset = weights.transforms()
        return cls(preset.crop_size[0], preset.mean, preset.std)

    def __call__(self, images: NDArray[np.uint8]) -> Tensor:
        """Converts images uint8 (n, resolution, resolution, 3) to inputs (n, 3, resolution, resolution)."""
        pixels = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255
        if self.channels == "bgr":
            pixels = pixels.flip(1)
        mean, deviation = (torch.tensor(values)[:, None, None] for values in (self.mean, self.deviation))
        return (pixels - mean) / deviation


class Facts(BaseModel):
    """The facts of a classifier, as its owner writes them in JSON."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    classes: Annotated[list[str], Field(min_length=2)] | None = None  # the names of the outputs, in order
    resolution: Annotated[int, Field(ge=8)]  # height and width of an input in pixels
    mean: _Three  # subtracted from values in [0, 1]; [0, 0, 0] for none
    std: Annotated[list[Annotated[float, Field(gt=0)]], Field(min_length=3, max_length=3)]
    channels: Channels = "rgb"

    @property
    def preprocessing(self) -> Preprocessing:
        """The preprocessing that they tell."""
        return Preprocessing(self.resolution, self.mean, self.std, self.channels)


KEYS = '{"classes": [names of the outputs], "resolution": 224, "mean": [r, g, b], "std": [r, g, b]}'


def facts_of(values: Any, source: str) -> Facts:
    """Validates facts from `source`. Raises UserError, which names the key and the fault."""
    try:
        return Facts.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"])) or "facts"
        raise UserError(f"{source}: {key}: {first['msg']}; expected {KEYS}") from None


def facts_beside(weights: Path, stored: str | None) -> Facts | None:
    """The facts of a file of weights: `stored` in the file itself, or the JSON file of its name beside it.

    Returns None when there are none. Raises UserError when they are damaged.
    """
    if stored is not None:
        try:
            return facts_of(json.loads(stored), f"{weights}: metadata")
        except (ValueError, RecursionError) as error:
            raise UserError(f"{weights}: metadata: not valid JSON ({error})") from None
    beside = weights.with_suffix(".json")
    return facts_of(read_json(beside), str(beside)) if beside.exists() else None
