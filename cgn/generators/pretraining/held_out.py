"""How good the small networks are on renders that they were not trained on, their cues random."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from cgn.generators.pretraining.small_networks import CLASSES
from cgn.io.pixels import from_bytes
from cgn.metrics.masks import background_residue, mask_iou
from cgn.networks.vgg import QUESTIONS, VGGClassifier

Arrays = dict[str, NDArray[Any]]
_BATCH = 100  # images at once


def segmentation_scores(network: nn.Module, renders: Arrays) -> dict[str, float]:
    """`mask_iou` (0 to 1) on `images`, `background_residue` (percent) on the `backgrounds` alone.

    `network` takes images (n, 3, r, r) in [-1, 1] and returns masks (n, 1, r, r) in [0, 1].
    """
    truth = renders["masks"] / 255
    return {
        "mask_iou": mask_iou(truth, _outputs(network, renders["images"])[:, 0]),
        "background_residue": background_residue(_outputs(network, renders["backgrounds"])[:, 0]),
    }


def answer_scores(network: VGGClassifier, renders: Arrays) -> dict[str, float]:
    """The accuracy (percent) of a small VGG on each of its QUESTIONS."""
    logits = _outputs(network, renders["images"])
    answers = logits.reshape(len(logits), len(QUESTIONS), CLASSES).argmax(axis=2)
    return {
        question: float((answers[:, number] == renders[question]).mean() * 100)
        for number, question in enumerate(QUESTIONS)
    }


@torch.inference_mode()
def _outputs(network: nn.Module, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    device = next(network.parameters()).device
    parts = [
        network(from_bytes(torch.from_numpy(images[start : start + _BATCH])).to(device)).cpu().numpy()
        for start in range(0, len(images), _BATCH)
    ]
    return np.concatenate(parts)
