"""The base class of classifiers, and the files of a trained one: its weights and its signature.

The signature tells the meaning of the outputs and the images that the classifier takes.
"""

from pathlib import Path
from typing import NamedTuple, TypeVar

import torch
from torch import Tensor, nn

from cgn.errors import UserError
from cgn.io.files import read_json, write_json
from cgn.io.pixels import from_bytes
from cgn.io.weights import load_weights, read_state_dict


class Classifier(nn.Module):
    """A network that maps images (n, channels, h, w) in [-1, 1] to logits (n, classes)."""

    @torch.no_grad()
    def predict(self, images: Tensor) -> Tensor:
        """Predicts the class int64 (n,) of each image uint8 (n, h, w, channels), in evaluation mode."""
        training = self.training
        self.eval()
        device = next(self.parameters()).device
        predicted: Tensor = self(from_bytes(images.to(device))).argmax(dim=1).cpu()
        self.train(training)
        return predicted


WEIGHTS = "weights.safetensors"
SIGNATURE = "signature.json"
# How images become inputs. It is stored so that a later way can be told from this one.
PREPROCESSING = "largest square in the middle, bicubic to the resolution, values in [-1, 1]"


Network = TypeVar("Network", bound=Classifier)


def load_classifier(folder: Path, network: Network) -> Network:
    """Loads the weights that `train_and_save` wrote to `folder` into `network`.

    Returns `network`, frozen and in evaluation mode. Raises UserError when the weights are missing, damaged
    or of another network.
    """
    load_weights(network, read_state_dict(folder / WEIGHTS), folder / WEIGHTS)
    return network.eval().requires_grad_(False)


class Signature(NamedTuple):
    """The names of a classifier's outputs, in order, the height and width of its images, and its backbone.

    The backbone is `small`, our residual network, or the name of a published one.
    """

    classes: list[str]
    resolution: int  # in pixels
    backbone: str = "small"


def write_signature(folder: Path, signature: Signature) -> None:
    """Writes signature.json to the folder of a classifier."""
    write_json(folder / SIGNATURE, signature._asdict() | {"preprocessing": PREPROCESSING})


def read_signature(folder: Path) -> Signature:
    """Reads signature.json. Raises UserError when it is missing, damaged or has another preprocessing."""
    path = folder / SIGNATURE
    stored = read_json(path)
    try:
        classes = [str(name) for name in stored["classes"]]
        signature = Signature(classes, int(stored["resolution"]), str(stored.get("backbone", "small")))
        same = stored["preprocessing"] == PREPROCESSING
        if not isinstance(stored["classes"], list) or signature.resolution < 1:
            raise ValueError
    except (KeyError, TypeError, ValueError):
        raise UserError(f"{path}: no classes, resolution and preprocessing; train it again") from None
    if not same:
        raise UserError(f"{path}: preprocessing: {stored['preprocessing']}; known is only: {PREPROCESSING}")
    return signature
