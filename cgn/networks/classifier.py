"""What every method trains, a network from images to logits; and a trained one on disk: its weights, and its
signature, which says what it takes and what its outputs mean."""

from pathlib import Path
from typing import NamedTuple, TypeVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from cgn.errors import UserError
from cgn.io.files import read_json, write_json
from cgn.io.pixels import from_bytes


class Classifier(nn.Module):
    """Logits (n, classes) of images (n, channels, height, width) in [-1, 1]."""

    @torch.no_grad()
    def predict(self, images: Tensor) -> Tensor:
        """The most probable class int64 (n,) of each image uint8 (n, height, width, channels)."""
        training = self.training
        self.eval()
        device = next(self.parameters()).device
        predicted: Tensor = self(from_bytes(images.to(device))).argmax(dim=1).cpu()
        self.train(training)
        return predicted


WEIGHTS = "weights.safetensors"
SIGNATURE = "signature.json"
# How images become inputs. There is one way; it is stored so that another one can be told from it.
PREPROCESSING = "largest square in the middle, bicubic to the resolution, values in [-1, 1]"


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
