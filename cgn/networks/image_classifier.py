"""Loads classifiers for the IN-9 and cue-conflict scores: trained here, by folder, or published, by name."""

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from tqdm import tqdm

from cgn import ranks
from cgn.data.class_maps import (
    cue_conflict_outputs_of_imagenet,
    in9_classes_of_imagenet,
    in9_classes_of_names,
    is_imagenet,
)
from cgn.errors import UserError
from cgn.io.assets import Asset
from cgn.io.files import why_left_out
from cgn.io.images import read_image, resize_and_crop, square
from cgn.io.pixels import from_bytes
from cgn.networks.backbones import load_one_head
from cgn.networks.classifier import Classifier, Signature, read_signature
from cgn.networks.ensemble import HEADS, head, is_ensemble, load_ensemble

_BATCH = 16  # images at once; larger batches are slower on a CPU
_BAR_AFTER = 5  # seconds

log = logging.getLogger(__name__)


class ImageClassifier(NamedTuple):
    """A classifier of RGB images, and the meaning of its outputs.

    `probabilities` maps images uint8 (n, resolution, resolution, 3) to (n, outputs), with rows that sum to 1.
    `in9_classes` (outputs,) is the IN-9 class of each output, 0 to 8 in the order of
    `class_maps.IN9_CLASSES`, or -1 for none. `cue_conflict_outputs` lists the outputs of each cue-conflict
    class, by name. `names` are those of all outputs, in order; empty if nobody knows them.
    """

    resolution: int
    probabilities: Callable[[NDArray[np.uint8]], NDArray[np.float32]]
    in9_classes: NDArray[np.int64]
    cue_conflict_outputs: dict[str, list[int]]
    names: Sequence[str] = ()


class Meaning(NamedTuple):
    """The last three fields of an `ImageClassifier`."""

    in9_classes: NDArray[np.int64]
    cue_conflict_outputs: dict[str, list[int]]
    names: Sequence[str]


def imagenet_meaning(names: Sequence[str]) -> Meaning:
    """The meaning of ImageNet's 1,000 outputs; `names` are their names or WordNet ids."""
    return Meaning(in9_classes_of_imagenet(), cue_conflict_outputs_of_imagenet(), names)


def meaning_of(names: Sequence[str]) -> Meaning:
    """The meaning of outputs with `names`: ImageNet's WordNet ids, IN-9's names in any order, or others."""
    if is_imagenet(names):
        return imagenet_meaning(names)
    return Meaning(in9_classes_of_names(names), {name: [n] for n, name in enumerate(names)}, names)


def unnamed(outputs: int) -> Meaning:
    """Outputs whose meaning nobody has told."""
    return Meaning(np.full(outputs, -1, dtype=np.int64), {}, ())


def wrapped(
    network: nn.Module,
    preprocess: Callable[[NDArray[np.uint8]], Tensor],
    resolution: int,
    meaning: Meaning,
) -> ImageClassifier:
    """Wraps a network that maps the inputs (n, ...) of `preprocess` to logits (n, outputs).

    It runs on the first GPU if there is one.
    """
    device = "cuda" if torch.cuda.is_available() else "cpu"
    network = network.eval().to(device)
    network = network.to(memory_format=torch.channels_last)  # faster on a CPU

    @torch.inference_mode()
    def probabilities(images: NDArray[np.uint8]) -> NDArray[np.float32]:
        return _probabilities(network(preprocess(images).to(device)))

    return ImageClassifier(resolution, probabilities, *meaning)


def _probabilities(logits: Tensor) -> NDArray[np.float32]:
    """The softmax of logits (n, outputs). Raises UserError when they are not finite."""
    if not logits.isfinite().all():
        raise UserError("--model: some answers are not finite numbers; fetch or train it again")
    return np.asarray(logits.softmax(dim=1).cpu())


def classify_files(
    classifier: ImageClassifier, files: Sequence[Path], title: str, cropped: bool = False
) -> NDArray[np.float32]:
    """Classifies n > 0 image files, in batches; returns probabilities (n, outputs). Ranks share the batches.

    Images that have the classifier's resolution stay as they are, as in both published toolkits
    (backgrounds_challenge, model-vs-human). Of others the largest centred square is resized, and the log says
    so. With `cropped`, all images are prepared by `resize_and_crop`. `title` labels the progress bar. Raises
    UserError when a file is not a readable image.
    """
    resolution, prepared = classifier.resolution, resize_and_crop if cropped else square
    parts, resized = [], 0
    total = -(-len(files) // ranks.count())
    with tqdm(total=total, desc=title, unit="image", delay=_BAR_AFTER) as bar:
        for start in ranks.own(range(0, len(files), _BATCH)):
            images = [read_image(file) for file in files[start : start + _BATCH]]
            resized += sum(image.size != (resolution, resolution) for image in images)
            parts.append(
                classifier.probabilities(np.stack([prepared(image, resolution) for image in images]))
            )
            bar.update(len(images))
    resized = sum(ranks.gathered([resized]))
    if resized and not cropped:
        log.warning(
            "%s: %d of %d images are not of the classifier's %d pixels: resized",
            title, resized, len(files), resolution,
        )  # fmt: skip
    return np.concatenate(ranks.gathered(parts))


class Loaded(NamedTuple):
    """A classifier trained here, and its signature."""

    network: Classifier
    signature: Signature


@torch.inference_mode()
def load_networks(folder: Path) -> dict[str, Loaded]:
    """Loads the classifiers of a folder by name: an ensemble and its heads, or one with the folder's name.

    Returns none, and logs why, if the classifier was left out. Raises UserError when weights or signature are
    missing or damaged, or when they do not fit each other.
    """
    if reason := why_left_out(folder):
        log.warning("%s: left out: %s", folder, reason)
        return {}
    networks: dict[str, Classifier] = {}
    if is_ensemble(folder):
        ensemble = load_ensemble(folder)
        # Those of `ensemble_abducted` are ensemble_abducted, shape_abducted, ...
        way = folder.name.removeprefix("ensemble") if folder.name.startswith("ensemble_") else ""
        networks["ensemble" + way] = ensemble
        networks |= {name + way: head(ensemble, name).eval() for name in HEADS}
    else:
        networks[folder.name] = load_one_head(folder)
    signature = read_signature(folder)
    size = signature.resolution
    for network in networks.values():
        outputs = network(torch.zeros(1, 3, size, size)).shape[1]
        if outputs != len(signature.classes):
            count = len(signature.classes)
            raise UserError(f"{folder}: {outputs} outputs and the names of {count} classes; train it again")
    return {name: Loaded(network, signature) for name, network in networks.items()}


def load_image_classifiers(model: str, resnet50s: Mapping[str, Asset]) -> dict[str, ImageClassifier]:
    """Loads the classifiers in the folder `model`, or the published classifier of that name, by name.

    `resnet50s` is as in `pretrained.load_classifier`. Raises UserError when `model` is neither, or when
    weights are missing or damaged.
    """
    if Path(model).is_dir():
        return {name: image_classifier(*loaded) for name, loaded in load_networks(Path(model)).items()}
    from cgn.networks.pretrained import load_classifier  # late: torchvision takes 2 s

    return {model: load_classifier(model, resnet50s)}


def image_classifier(network: Classifier, signature: Signature) -> ImageClassifier:
    """Prepares a network trained here for all scores; the names of its classes tell what its outputs mean.

    It runs on the first GPU if there is one.
    """
    device = "cuda" if torch.cuda.is_available() else "cpu"
    network = network.to(device)

    @torch.inference_mode()
    def probabilities(images: NDArray[np.uint8]) -> NDArray[np.float32]:
        return _probabilities(network(from_bytes(torch.from_numpy(images).to(device))))

    return ImageClassifier(signature.resolution, probabilities, *meaning_of(signature.classes))
