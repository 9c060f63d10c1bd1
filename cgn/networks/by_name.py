"""Any classifier that the IN-9 and cue-conflict scores take: our own by folder, published ones by name."""

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from cgn.data.class_maps import (
    cue_conflict_outputs_of_imagenet,
    in9_classes_of_imagenet,
    in9_classes_of_names,
    is_imagenet,
)
from cgn.data.left_out import why_left_out
from cgn.errors import UserError
from cgn.io.assets import Asset
from cgn.io.pixels import from_bytes
from cgn.networks.classifier import Classifier, Signature, read_signature
from cgn.networks.ensemble import HEADS, Head, is_ensemble, load_ensemble
from cgn.networks.image_classifier import ImageClassifier
from cgn.networks.small_resnet import load_small_resnet

_log = logging.getLogger(__name__)


class Loaded(NamedTuple):
    """A classifier of ours, and its signature."""

    network: Classifier
    signature: Signature


@torch.inference_mode()
def load_networks(folder: Path) -> dict[str, Loaded]:
    """The classifiers in a folder, by name: an ensemble and each of its heads, else one of the folder's name.

    None where the world left it out, which the log tells. Raises UserError when weights or signature are
    missing or damaged.
    """
    if reason := why_left_out(folder):
        _log.warning("%s: left out: %s", folder, reason)
        return {}
    networks: dict[str, Classifier] = {}
    if is_ensemble(folder):
        ensemble = load_ensemble(folder)
        networks["ensemble"] = ensemble
        networks |= {name: Head(ensemble, name).eval() for name in HEADS}
    else:
        networks[folder.name] = load_small_resnet(folder)
    signature = read_signature(folder)
    size = signature.resolution
    for network in networks.values():
        outputs = network(torch.zeros(1, 3, size, size)).shape[1]
        if outputs != len(signature.classes):
            count = len(signature.classes)
            raise UserError(f"{folder}: {outputs} outputs and the names of {count} classes; train it again")
    return {name: Loaded(network, signature) for name, network in networks.items()}


def load_image_classifiers(model: str, resnet50s: Mapping[str, Asset]) -> dict[str, ImageClassifier]:
    """The classifiers in the folder `model`, or the published one of that name, by their names.

    `resnet50s` as of `pretrained.load_classifier`.
    Raises UserError when it is neither, or when weights are missing or damaged.
    """
    if Path(model).is_dir():
        return {name: image_classifier(*loaded) for name, loaded in load_networks(Path(model)).items()}
    from cgn.networks.pretrained import load_classifier  # late: torchvision takes 2 s

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


def image_classifier(network: Classifier, signature: Signature) -> ImageClassifier:
    """A network of ours for both scores. What its outputs mean follows from the names of its classes.

    They are those of IN-9 in any order, ImageNet's WordNet ids, or others, which have a cue-conflict score
    alone.
    """

    @torch.inference_mode()
    def probabilities(images: NDArray[np.uint8]) -> NDArray[np.float32]:
        return np.asarray(network(from_bytes(torch.from_numpy(images))).softmax(dim=1))

    if is_imagenet(signature.classes):
        return ImageClassifier(
            signature.resolution, probabilities, in9_classes_of_imagenet(), cue_conflict_outputs_of_imagenet()
        )
    return ImageClassifier(
        signature.resolution,
        probabilities,
        in9_classes_of_names(signature.classes),
        {name: [number] for number, name in enumerate(signature.classes)},
    )
