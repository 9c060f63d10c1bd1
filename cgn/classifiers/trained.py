"""Trained classifiers on disk."""

from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file

from cgn.classifiers.network import DigitCNN
from cgn.classifiers.training import WEIGHTS
from cgn.errors import UserError


def load_classifier(folder: Path, channels: int = 3) -> DigitCNN:
    """The network that `train_and_save` wrote into `folder`, ready to predict.

    Raises UserError when it is missing, damaged or of another shape.
    """
    path = folder / WEIGHTS
    if not path.exists():
        raise UserError(f"{path}: not found; run the stage that trains it (dvc repro)")
    network = DigitCNN(seed=0, channels=channels)
    try:
        network.load_state_dict(load_file(path))
    except (SafetensorError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"{path}: not this classifier ({reason}); delete it and run dvc repro") from None
    return network.eval().requires_grad_(False)
