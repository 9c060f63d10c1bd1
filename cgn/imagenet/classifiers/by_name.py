"""Any classifier that the IN-9 and cue-conflict scores take: our own by folder, published ones by name."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from cgn.common.pixels import from_bytes
from cgn.errors import UserError
from cgn.imagenet.classifiers.image_classifier import ImageClassifier
from cgn.imagenet.classifiers.small_resnet import SmallResNet, load_small_resnet
from cgn.imagenet.evaluation.class_maps import IN9_CLASSES


def load_image_classifier(model: str) -> ImageClassifier:
    """The classifier in the folder `model`, or the published one of that name.

    Raises UserError when it is neither, or when its weights are missing or damaged.
    """
    if Path(model).is_dir():
        return of_small_world(load_small_resnet(Path(model)))
    from cgn.imagenet.classifiers.pretrained import load_classifier  # late: torchvision takes 2 s

    return load_classifier(model)


def scores_by_model(
    models: Sequence[str], score: Callable[[ImageClassifier], dict[str, Any]]
) -> dict[str, Any]:
    """What `score` gives for a model, by its name where there are several (of a folder, the last part).

    Raises UserError when two have one name, and what `load_image_classifier` raises.
    """
    names = [Path(model).name for model in models]
    if len(set(names)) < len(names):
        raise UserError(f"--model: two models of one name ({', '.join(names)}); score them apart")
    scores = [score(load_image_classifier(model)) for model in models]
    return dict(zip(names, scores, strict=True)) if len(models) > 1 else scores[0]


def of_small_world(network: SmallResNet) -> ImageClassifier:
    """A network whose outputs are the nine classes of IN-9, for both scores. Images keep their size."""

    @torch.inference_mode()
    def probabilities(images: Sequence[Image.Image]) -> NDArray[np.float32]:
        sizes = {image.size for image in images}
        if len(sizes) > 1:
            raise UserError(f"images of several sizes ({sorted(sizes)}); this classifier takes one at a time")
        pixels = torch.from_numpy(np.stack([np.asarray(image) for image in images]))
        return np.asarray(network(from_bytes(pixels)).softmax(dim=1))

    classes = {name: [number] for number, name in enumerate(IN9_CLASSES)}
    return ImageClassifier(probabilities, np.arange(len(IN9_CLASSES)), classes)
