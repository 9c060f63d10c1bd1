"""Trained classifiers on disk."""

from pathlib import Path
from typing import TypeVar

from safetensors import SafetensorError
from safetensors.torch import load_file

from cgn.classifiers.classifier import Classifier
from cgn.classifiers.training import WEIGHTS
from cgn.errors import UserError

Network = TypeVar("Network", bound=Classifier)


def load_classifier(folder: Path, network: Network) -> Network:
    """`network` with the weights that `train_and_save` wrote into `folder`, ready to predict.

    Raises UserError when they are missing, damaged or another network's.
    """
    path = folder / WEIGHTS
    if not path.exists():
        raise UserError(f"{path}: not found; run the stage that trains it (dvc repro)")
    try:
        network.load_state_dict(load_file(path))
    except (SafetensorError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"{path}: not this classifier ({reason}); delete it and run dvc repro") from None
    return network.eval().requires_grad_(False)
