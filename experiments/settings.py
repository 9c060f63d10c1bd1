"""The parameters of an experiment, and those that the results of one method depend on."""

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
# `shards` of a method -> sections that its generated images depend on.
SHARDS = {
    "": (),
    "gan": ("mnist.adversarial", "budgets.train_gan", "budgets.sample_gan"),
    "counterfactuals": (*CGN, "mnist.counterfactuals", "budgets.sample_counterfactuals"),
    "abducted": (*CGN, "mnist.abduction", "mnist.counterfactuals", "budgets.abduct"),
}
# Sections that the scores of masks depend on.
MECHANISMS = (
    *("mnist.classifier", "budgets.train_digit_classifier", "mnist.mechanism_score", *CGN),
    *("mnist.abduction.segmenter", "budgets.abduct.drawn", "budgets.abduct.image_passes"),
)
DATA = ("device", "mnist.variants.{variant}", "mnist.correlation", "budgets.digits", "budgets.variants")
# Parameters that came after the first results, and the values that these had.
LATER = {"mnist.correlation": 1.0}
# The place of the digits differs between machines, so it is not compared.
SOURCES = ("budgets.digits.source", "budgets.digits.folder")


def overridden(settings: Sequence[str]) -> Params:
    """The parameters of `dvc exp run` with these -S ("[file:]key=value").

    Raises UserError for an unknown file or key, or a bad value.
    """
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        shutil.copytree(BUDGETS, folder / BUDGETS)
        for name in (PARAMS, ASSETS):
            shutil.copy(name, folder)
        override(folder, settings)
        return read(folder)


def override(folder: Path, settings: Sequence[str]) -> None:
    """Changes the files of parameters in `folder` as `overridden`, and raises UserError as it."""
    from dvc.exceptions import InvalidArgumentError
    from dvc.utils.cli_parse import to_path_overrides
    from dvc.utils.hydra import apply_overrides

    for name, overrides in to_path_overrides(settings).items():
        if not (folder / name).is_file():
            raise UserError(f"-S {name}:{overrides[0]}: no file {name} of parameters")
        try:
            apply_overrides(folder / name, overrides)
        except InvalidArgumentError as error:
            reason = " ".join(str(error.__cause__).splitlines()[:2])
            raise UserError(f"-S: {name}: {reason}") from None


def effective_parameters(params: Params, variant: str, name: str) -> dict[str, Any]:
    """The parameters, by dotted keys, that results of a method (or "mechanisms") on `variant` depend on.

    The seed, the sources of digits and textures, and the number of threads (rounding) are left out.
    """
    found: dict[str, Any] = {}
    for section in (*DATA, *sections(name)):
        key = section.format(variant=variant)
        found |= dict(_leaves(_value(params, key, variant), key))
    others = {f"methods.irm.environments.{other}" for other in ("irm_2", "irm_5") if other != name}
    kept = {
        key: value
        for key, value in found.items()
        if key not in {*SOURCES, *others} and LATER.get(key) != value
    }
    plain: dict[str, Any] = json.loads(json.dumps(kept))  # the same types as when read from a file
    return plain


def sections(name: str) -> tuple[str, ...]:
    """The sections that the method `name` (or "mechanisms") depends on, beside DATA."""
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
