"""The parameters of an experiment, and those of them that the result of one method depends on."""

import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from cgn.errors import UserError
from cgn.methods.registry import method_named
from cgn.params.reading import ASSETS, BUDGETS, PARAMS, read
from cgn.params.schema import ByVariant, Params
from cgn.section import Section

CLASSIFIER = ("mnist.classifier", "budgets.train_classifiers")
CGN = ("mnist.cgn", "mnist.adversarial", "budgets.train_cgn")
# Sections that the generated images of a method depend on, by its `shards`; and those of the scores of masks.
SHARDS = {
    "": (),
    "gan": ("mnist.adversarial", "budgets.train_gan", "budgets.sample_gan"),
    "counterfactuals": (*CGN, "mnist.counterfactuals", "budgets.sample_counterfactuals"),
    "abducted": (*CGN, "mnist.abduction", "mnist.counterfactuals", "budgets.abduct"),
}
MECHANISMS = (
    *("mnist.classifier", "budgets.train_digit_classifier", "mnist.mechanism_score", *CGN),
    *("mnist.abduction.segmenter", "budgets.abduct.drawn", "budgets.abduct.image_passes"),
)
DATA = ("threads", "device", "mnist.variants.{variant}", "budgets.digits", "budgets.variants")
# Where the digits lie, every machine says otherwise.
SOURCES = ("budgets.digits.source", "budgets.digits.folder")


def overridden(settings: Sequence[str]) -> Params:
    """The parameters that `dvc exp run` has with these -S ("[file:]key=value").

    Raises UserError for an unknown key or a bad value.
    """
    from dvc.exceptions import InvalidArgumentError
    from dvc.utils.cli_parse import to_path_overrides
    from dvc.utils.hydra import apply_overrides

    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        shutil.copytree(BUDGETS, folder / BUDGETS)
        for name in (PARAMS, ASSETS):
            shutil.copy(name, folder)
        for name, overrides in to_path_overrides(settings).items():
            if not (folder / name).is_file():
                raise UserError(f"-S {name}:{overrides[0]}: no file {name} of parameters")
            try:
                apply_overrides(folder / name, overrides)
            except InvalidArgumentError as error:
                reason = " ".join(str(error.__cause__).splitlines()[:2])
                raise UserError(f"-S: {name}: {reason}") from None
        return read(folder)


def effective_parameters(params: Params, variant: str, name: str) -> dict[str, Any]:
    """What the result of the method `name` (or "mechanisms") on `variant` depends on, by dotted keys.

    All but the seed and where the digits and textures come from.
    """
    found: dict[str, Any] = {}
    for section in (*DATA, *sections(name)):
        key = section.format(variant=variant)
        found |= dict(_leaves(_value(params, key, variant), key))
    others = {f"methods.irm.environments.{other}" for other in ("irm_2", "irm_5") if other != name}
    kept = {key: value for key, value in found.items() if key not in {*SOURCES, *others}}
    plain: dict[str, Any] = json.loads(json.dumps(kept))  # as it is read from a file
    return plain


def sections(name: str) -> tuple[str, ...]:
    """Those that the method `name` (or "mechanisms") depends on, beside DATA."""
    if name == "mechanisms":
        return MECHANISMS
    row = method_named(name)
    own = (f"methods.{row.section}",) if row.section else ()
    return (*CLASSIFIER, *own, *SHARDS[row.shards])


def _value(params: Params, key: str, variant: str) -> Any:
    value: Any = params
    for part in key.split("."):
        value = getattr(value, part)
        if isinstance(value, ByVariant):
            value = value.of(variant)
    return value.model_dump() if isinstance(value, Section) else value


def _leaves(value: Any, key: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for name, below in value.items():
            yield from _leaves(below, f"{key}.{name}")
    else:
        yield key, value
