"""The whole of params.yaml as typed, validated, immutable sections."""

from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from cgn.errors import UserError
from cgn.params.assets import AssetsParams
from cgn.params.budgets import BudgetsParams
from cgn.params.imagenet import ImageNetParams
from cgn.params.methods import MethodsParams
from cgn.params.mnist import MnistParams
from cgn.params.section import Count, Section


class Params(Section):
    """The whole of params.yaml."""

    seed: Annotated[int, Field(ge=0)]
    profile: Literal["smoke", "laptop", "paper"]
    threads: Count
    device: Literal["cpu", "cuda"]
    mnist: MnistParams
    imagenet: ImageNetParams
    methods: MethodsParams
    assets: AssetsParams
    budgets: BudgetsParams


def validate(values: dict[str, Any], source: str) -> Params:
    """Check a parsed params.yaml. Raises UserError with one line: the key, what was wrong, the value.

    `source` names the file in the message.
    """
    try:
        return Params.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        message = first["msg"].removeprefix("Value error, ")
        shown = "" if first["type"] in {"missing", "extra_forbidden"} else f", got {first['input']!r}"
        known = (
            "unknown key (see the comments in the file)" if first["type"] == "extra_forbidden" else message
        )
        raise UserError(f"{source}: {key}: {known}{shown}") from None
