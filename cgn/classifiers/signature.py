"""What a stored classifier takes and what its outputs mean, beside its weights."""

from pathlib import Path
from typing import NamedTuple

from cgn.common.files import read_json, write_json
from cgn.errors import UserError

SIGNATURE = "signature.json"
# How images become inputs. There is one way; it is stored so that another one can be told from it.
PREPROCESSING = "largest square in the middle, bicubic to the resolution, values in [-1, 1]"


class Signature(NamedTuple):
    """The names of a classifier's outputs in their order, and the height and width of its images (pixels)."""

    classes: list[str]
    resolution: int


def write_signature(folder: Path, signature: Signature) -> None:
    """Write signature.json into the folder of a classifier."""
    write_json(folder / SIGNATURE, signature._asdict() | {"preprocessing": PREPROCESSING})


def read_signature(folder: Path) -> Signature:
    """What `write_signature` wrote. Raises UserError when it is missing, damaged or of another kind."""
    path = folder / SIGNATURE
    stored = read_json(path)
    try:
        signature = Signature([str(name) for name in stored["classes"]], int(stored["resolution"]))
        same = stored["preprocessing"] == PREPROCESSING
    except (KeyError, TypeError, ValueError):
        raise UserError(f"{path}: no classes, resolution and preprocessing; train it again") from None
    if not same:
        raise UserError(f"{path}: preprocessing: {stored['preprocessing']}; known is only: {PREPROCESSING}")
    return signature
