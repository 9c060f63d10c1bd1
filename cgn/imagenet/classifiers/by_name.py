"""Any classifier that the IN-9 and cue-conflict scores take: our own by folder, published ones by name."""

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from cgn.classifiers.classifier import Classifier
from cgn.common.assets import Asset
from cgn.common.left_out import why_left_out
from cgn.common.pixels import from_bytes
from cgn.errors import UserError
from cgn.imagenet.classifiers.ensemble import HEADS, Head, is_ensemble, load_ensemble
from cgn.imagenet.classifiers.image_classifier import ImageClassifier
from cgn.imagenet.classifiers.small_resnet import load_small_resnet
from cgn.imagenet.evaluation.class_maps import (
    IMAGENET_CLASSES,
    IN9_CLASSES,
    cue_conflict_outputs_of_imagenet,
    in9_classes_of_imagenet,
)

_log = logging.getLogger(__name__)


def load_networks(folder: Path) -> dict[str, Classifier]:
    """The classifiers in a folder, by name: an ensemble and each of its heads, else one of the folder's name.

    None where the world left it out, which the log tells. Raises UserError when weights are missing or
    damaged.
    """
    if reason := why_left_out(folder):
        _log.warning("%s: left out: %s", folder, reason)
        return {}
    if is_ensemble(folder):
        ensemble = load_ensemble(folder)
        return {"ensemble": ensemble} | {name: Head(ensemble, name).eval() for name in HEADS}
    return {folder.name: load_small_resnet(folder)}


def load_image_classifiers(model: str, resnet50s: Mapping[str, Asset]) -> dict[str, ImageClassifier]:
    """The classifiers in the folder `model`, or the published one of that name, by their names.

    `resnet50s` as of `pretrained.load_classifier`.
    Raises UserError when it is neither, or when weights are missing or damaged.
    """
    if Path(model).is_dir():
        return {name: of_small_world(network) for name, network in load_networks(Path(model)).items()}
    from cgn.imagenet.classifiers.pretrained import load_classifier  # late: torchvision takes 2 s

    return {model: load_classifier(model, resnet50s)}


def scores_by_model(
    models: Sequence[str],
    resnet50s: Mapping[str, Asset],
    score: Callable[[ImageClassifier], dict[str, Any]],
) -> dict[str, Any]:
    """What `score` gives for a classifier, by its name where several were asked for.

    Raises UserError when two have one name, and what `load_image_classifiers` raises.
    """
    named = [item for model in models for item in load_image_classifiers(model, resnet50s).items()]
    names = [name for name, _ in named]
    if len(set(names)) < len(names):
        raise UserError(f"--model: two models of one name ({', '.join(names)}); score them apart")
    scores = {name: score(classifier) for name, classifier in named}
    return scores[names[0]] if len(models) == len(scores) == 1 else scores


def of_small_world(network: Classifier) -> ImageClassifier:
    """A network whose outputs are the classes of IN-9 or ImageNet, for both scores. Images keep their size.

    Raises UserError when it has another number of outputs.
    """

    @torch.inference_mode()
    def probabilities(images: Sequence[Image.Image]) -> NDArray[np.float32]:
        sizes = {image.size for image in images}
        if len(sizes) > 1:
            raise UserError(f"images of several sizes ({sorted(sizes)}); this classifier takes one at a time")
        pixels = torch.from_numpy(np.stack([np.asarray(image) for image in images]))
        return np.asarray(network(from_bytes(pixels)).softmax(dim=1))

    outputs = probabilities([Image.new("RGB", (64, 64))]).shape[1]
    if outputs == IMAGENET_CLASSES:
        return ImageClassifier(probabilities, in9_classes_of_imagenet(), cue_conflict_outputs_of_imagenet())
    if outputs != len(IN9_CLASSES):
        raise UserError(f"a classifier of {outputs} classes; these scores need IN-9's 9 or ImageNet's 1000")
    classes = {name: [number] for number, name in enumerate(IN9_CLASSES)}
    return ImageClassifier(probabilities, np.arange(len(IN9_CLASSES)), classes)
