"""Reads and validates all parameters: params.yaml, the profile's file in budgets/, and assets.yaml.

No key may be in two files. A profile's file completes sections of params.yaml (`mnist`, `methods`); its other
sections are the sizes, `Params.budgets`.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from cgn.errors import UserError
from cgn.params.schema import Params

PARAMS, ASSETS, BUDGETS = "params.yaml", "assets.yaml", "budgets"
Values = dict[str, Any]


def read(folder: Path = Path()) -> Params:
    """Reads the parameters of a checkout. Raises UserError, which names the file, the key and the fault."""
    return validate(read_files(folder))


def read_files(folder: Path = Path()) -> dict[str, Values]:
    """The values of params.yaml, the profile's file and assets.yaml, by file name.

    Raises UserError when a file is missing or not valid YAML, or when the profile has no file.
    """
    params = _parsed(folder, PARAMS)
    profiles = sorted(path.stem for path in (folder / BUDGETS).glob("*.yaml"))
    if params.get("profile") not in profiles:
        known = ", ".join(profiles) or f"none: {folder / BUDGETS} has no files"
        raise UserError(f"{PARAMS}: profile: not one of {known}; got {params.get('profile')!r}")
    sizes = f"{BUDGETS}/{params['profile']}.yaml"
    return {PARAMS: params, sizes: _parsed(folder, sizes), ASSETS: _parsed(folder, ASSETS)}


def validate(files: Mapping[str, Values]) -> Params:
    """Joins and validates the values of `read_files`. Raises UserError as `read`."""
    placed = {name: _placed(name, values, files[PARAMS]) for name, values in files.items()}
    joined: Values = {}
    for name, values in placed.items():
        joined = _joined(joined, values, name)
    try:
        return Params.model_validate(joined)
    except ValidationError as error:
        first = error.errors()[0]
    path = [str(part) for part in first["loc"]]
    depths = {name: _depth(values, path) for name, values in placed.items()}
    names = " or ".join(name for name, depth in depths.items() if depth == max(depths.values()))
    key = re.sub(r"^(budgets|assets)\.", "", ".".join(path))
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        message = "unknown key (see the comments in the file)"
    elif first["type"] != "missing" and not isinstance(first["input"], Mapping):
        message += f", got {first['input']!r}"
    raise UserError(f"{names}: {key}: {message}")


def _parsed(folder: Path, name: str) -> Values:
    try:
        values = YAML(typ="safe").load((folder / name).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{name}: not found; run from the repository's root") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{name}: not UTF-8 at byte {error.start}; save it as UTF-8") from None
    except YAMLError as error:
        raise UserError(f"{name}: not valid YAML: {' '.join(str(error).split())}") from None
    if not isinstance(values, dict):
        raise UserError(f"{name}: holds no keys")
    return values


def _placed(name: str, values: Values, params: Values) -> Values:
    """Moves the values of a file to their places in `Params`."""
    if name == PARAMS:
        return values
    if name == ASSETS:
        return {"assets": values}
    shared = {key: value for key, value in values.items() if key in params}
    return shared | {"budgets": {key: value for key, value in values.items() if key not in params}}


def _joined(first: Values, second: Values, name: str, above: str = "") -> Values:
    """Joins two sections. Raises UserError for a key of `second`, the file `name`, that `first` has, too."""
    joined = dict(first)
    for key, value in second.items():
        if key not in first:
            joined[key] = value
        elif isinstance(value, dict) and isinstance(first[key], dict):
            joined[key] = _joined(first[key], value, name, f"{above}{key}.")
        else:
            raise UserError(f"{name}: {above}{key}: stands in another file, too ({PARAMS}); keep one")
    return joined


def _depth(values: Any, path: list[str]) -> int:
    """The number of leading parts of a dotted key that `values` has."""
    if not path or not isinstance(values, dict) or path[0] not in values:
        return 0
    return 1 + _depth(values[path[0]], path[1:])
