"""Reads and validates all parameters: params.yaml, the profile's file in budgets/, and assets.yaml.

No key may be in two files. A profile's file completes sections of params.yaml (`mnist`, `methods`); its other
sections are the sizes, `Params.budgets`.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from cgn.errors import UserError
from cgn.params.schema import Params

PARAMS, ASSETS, BUDGETS = "params.yaml", "assets.yaml", "budgets"
Values = dict[str, Any]


def read(folder: Path = Path(), profile: str | None = None) -> Params:
    """Reads the parameters of a checkout, of `profile` or else of that in params.yaml; all are checked.

    Raises UserError, which names the file, the key and the fault.
    """
    files = read_files(folder, profile)
    params = validate(files)
    for other in _profiles(folder):
        if other != params.profile:
            others = files[PARAMS] | {"profile": other}
            validate({PARAMS: others, **_sizes(folder, other), ASSETS: files[ASSETS]})
    return params


def read_files(folder: Path = Path(), profile: str | None = None) -> dict[str, Values]:
    """The values of params.yaml, the profile's file and assets.yaml, by file name.

    Raises UserError when a file is missing or not valid YAML, or when the profile has no file.
    """
    params, profiles = _parsed(folder, PARAMS), _profiles(folder)
    params |= {"profile": profile or params.get("profile")}
    if params.get("profile") not in profiles:
        known = ", ".join(profiles) or f"none: {folder / BUDGETS} has no files"
        raise UserError(f"{PARAMS}: profile: not one of {known}; got {params.get('profile')!r}")
    return {PARAMS: params, **_sizes(folder, params["profile"]), ASSETS: _parsed(folder, ASSETS)}


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
    path = _keys(joined, first["loc"])
    depths = {name: _depth(values, path) for name, values in placed.items()}
    best = max(depths.values())
    if first["type"] == "missing" and best == len(path) - 1:
        best = 1  # any file that has some of the section may be the one to complete
    names = " or ".join(name for name, depth in depths.items() if depth >= best) or PARAMS
    key = re.sub(r"^(budgets|assets)\.", "", ".".join(path))
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        message = "unknown key (see the comments in the file)"
    elif first["type"] != "missing" and not isinstance(first["input"], Mapping):
        message += f", got {first['input']!r}"
    raise UserError(f"{names}: {key}: {message}")


def _profiles(folder: Path) -> list[str]:
    return sorted(path.stem for path in (folder / BUDGETS).glob("*.yaml"))


def _sizes(folder: Path, profile: str) -> dict[str, Values]:
    name = f"{BUDGETS}/{profile}.yaml"
    return {name: _parsed(folder, name)}


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
        if own := {"assets", "budgets"} & values.keys():
            raise UserError(
                f"{name}: {min(own)}: unknown key; {ASSETS} and {BUDGETS}/*.yaml have files of their own"
            )
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
        elif isinstance(value, dict) or isinstance(first[key], dict):
            where, other = (name, value) if isinstance(first[key], dict) else (PARAMS, first[key])
            raise UserError(f"{where}: {above}{key}: not a section but {other!r}")
        else:
            raise UserError(f"{name}: {above}{key}: stands in another file, too ({PARAMS}); keep one")
    return joined


def _keys(values: Any, location: Sequence[int | str]) -> list[str]:
    """The dotted key of pydantic's `location`, which also names the kind of a section that has several."""
    path = []
    for part in map(str, location):
        if isinstance(values, dict) and values.get("source") == part and part not in values:
            continue  # the kind, as told by `source`
        path.append(part)
        values = values.get(part) if isinstance(values, dict) else None
    return path


def _depth(values: Any, path: list[str]) -> int:
    """The number of leading parts of a dotted key that `values` has."""
    named = {str(key): value for key, value in values.items()} if isinstance(values, dict) else {}
    return 1 + _depth(named[path[0]], path[1:]) if path and path[0] in named else 0
