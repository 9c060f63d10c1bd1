"""What every mechanism draws of every class, and what each classifier says of all combinations of these.

Layers are bytes, and a composite is computed from bytes, so a page that has the layers shows exactly the
images that were classified.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from cgn.generators.ahead import compute_ahead
from cgn.generators.imagenet.mechanisms import Outputs
from cgn.generators.imagenet.mechanisms import load_cgn as load_imagenet_cgn
from cgn.generators.imagenet.sheets import as_bytes, outputs_of_class
from cgn.generators.mnist.mechanisms import ARRANGEMENT_DIMENSIONS, CLASSES, TEXTURES
from cgn.generators.mnist.stored import load_cgn
from cgn.io.pixels import from_bytes, to_bytes
from cgn.methods.registry import METHODS
from cgn.networks.classifier import load_classifier
from cgn.networks.digit_cnn import DigitCNN
from cgn.networks.ensemble import EnsembleNetwork
from cgn.networks.image_classifier import Loaded, load_networks
from cgn.networks.inputs import resized
from cgn.scm import IMAGENET_SCM, MNIST_SCM
from cgn.seeding import indexed_normals, indexed_uniforms

NOISES = 3
MOST_CLASSES = 9  # of the ImageNet branch: images grow with the third power
# Beyond this many pixels networks are slow and pictures large, so there are fewer of them.
SMALL = 64
FEW_CLASSES, FEW_NOISES = 4, 1
_BATCH = 100  # images at once

Images = NDArray[np.uint8]
Answers = NDArray[np.int64]


class World(NamedTuple):
    """One variant of MNIST, or the world of the ImageNet branch.

    `layers` are uint8 (classes, noises, r, r, 1 or 3) by mechanism: masks, foregrounds and backgrounds of the
    classes `labels`. `answers` are the classes (noises, classes of the shape, of the foreground, of the
    background) that each method says, as numbers in `names`.
    """

    name: str
    names: Sequence[str]
    labels: Sequence[int]
    layers: Mapping[str, Images]
    answers: Mapping[str, Answers]


def composites(mask: Images, foreground: Images, background: Images) -> Images:
    """x_gen = m f + (1 - m) b in bytes; the shapes broadcast, e.g. (n, r, r, 1) and (n, r, r, 3)."""
    share = mask.astype(np.int64)
    return ((share * foreground + (255 - share) * background + 127) // 255).astype(np.uint8)


@torch.inference_mode()
def answers_to_all(layers: Mapping[str, Images], networks: Mapping[str, nn.Module]) -> dict[str, Answers]:
    """The answers (noises, shapes, foregrounds, backgrounds) of `networks` to all combinations of the layers.

    The backbone of an ensemble and its heads is computed once.
    """
    masks, foregrounds, backgrounds = (layers[name].swapaxes(0, 1) for name in MNIST_SCM.mechanisms)
    classes = masks.shape[1]
    answers = {name: np.empty((len(masks), classes, classes, classes), dtype=np.int64) for name in networks}
    for noise, shape in np.ndindex(masks.shape[:2]):
        images = composites(masks[noise, shape], foregrounds[noise][:, None], backgrounds[noise])
        flat = from_bytes(torch.from_numpy(images.reshape(-1, *images.shape[2:])))
        logits = [_logits(networks, batch) for batch in torch.split(flat, _BATCH)]
        for name, of_network in answers.items():
            said = torch.cat([batch[name] for batch in logits]).argmax(dim=1)
            of_network[noise, shape] = said.view(classes, classes).numpy()
    return answers


def _logits(networks: Mapping[str, nn.Module], images: Tensor) -> dict[str, Tensor]:
    first, *heads = networks
    if not isinstance(ensemble := networks[first], EnsembleNetwork):
        return {name: network(images) for name, network in networks.items()}
    logits = ensemble.head_logits(images)
    return {first: logits.mean(dim=1)} | dict(zip(heads, logits.unbind(dim=1), strict=True))


@torch.inference_mode()
def mnist_layers(folder: Path, seed: int, noises: int = NOISES) -> dict[str, Images]:
    """The layers of the CGN in `folder`, of all classes; each mechanism has `noises` noises of its own."""
    cgn = load_cgn(folder)
    labels = torch.arange(CLASSES).repeat_interleave(noises)
    layers = {}
    for name in MNIST_SCM.mechanisms:
        vectors = indexed_normals(seed, f"mix_and_match/{name}", 0, noises, cgn.noise_dimensions)
        noise = torch.from_numpy(vectors).repeat(CLASSES, 1)
        uniforms = indexed_uniforms(
            seed, f"mix_and_match/arrangement/{name}", 0, noises, ARRANGEMENT_DIMENSIONS
        )
        arrangement = torch.from_numpy(uniforms).repeat(CLASSES, 1)
        drawn = cgn.mechanisms[name](labels, (noise, arrangement) if name in TEXTURES else noise)
        images = to_bytes(drawn * 2 - 1 if name == "shape" else drawn)
        layers[name] = images.reshape(CLASSES, noises, *images.shape[1:])
    return layers


def mnist_world(variant: str, models: Path, released: bool, seed: int) -> World:
    """The world of one variant, with the CGN and the classifiers in the folder `models`.

    `released` is the form of the `DigitCNN`s. Raises UserError when weights are missing or damaged.
    """
    layers = mnist_layers(models / "cgn" / variant, seed)

    def answers(method: str) -> dict[str, Answers]:
        network = load_classifier(models / "classifiers" / variant / method, DigitCNN(0, released=released))
        return answers_to_all(layers, {method: network})

    names = [str(digit) for digit in range(CLASSES)]
    return World(variant, names, range(CLASSES), layers, _united(answers, METHODS))


def imagenet_world(
    world: str, models: Path, names: Sequence[str], labels: Sequence[int], truncation: float, seed: int
) -> World:
    """The world of the ImageNet branch, with the CGN and the classifiers in the folder `models`.

    `names` are those of all classes, `labels` the classes that are drawn, at most `MOST_CLASSES`, and
    `truncation` is that of the noise, which all mechanisms share. Raises UserError when weights are missing
    or damaged.
    """
    folders = sorted(path for path in (models / "classifiers").iterdir() if path.is_dir())
    networks = [load_networks(folder) for folder in folders]
    resolution = next(loaded.signature.resolution for of_folder in networks for loaded in of_folder.values())
    small = resolution <= SMALL
    labels, noises = (labels[:MOST_CLASSES], NOISES) if small else (labels[:FEW_CLASSES], FEW_NOISES)

    cgn = load_imagenet_cgn(models / "cgn/all", models / "pretrained")
    drawn = []
    for label in labels:
        outputs = outputs_of_class(cgn, label, noises, truncation, seed)
        drawn.append(as_bytes(Outputs(*(resized(images, resolution) for images in outputs))))
    of_mechanism = dict(zip(IMAGENET_SCM.mechanisms, ("mask", "foreground", "background"), strict=True))
    layers = {
        name: np.stack([of_class[output] for of_class in drawn]) for name, output in of_mechanism.items()
    }

    def answers(of_folder: dict[str, Loaded]) -> dict[str, Answers]:
        return answers_to_all(layers, {name: network for name, (network, _) in of_folder.items()})

    return World(world, names, labels, layers, _united(answers, filter(None, networks)))


def _united(answers: Callable[[Any], dict[str, Answers]], of: Iterable[Any]) -> dict[str, Answers]:
    parts = compute_ahead(answers, of, torch.get_num_threads())
    return {name: each for part in parts for name, each in part.items()}
