from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from cgn.data.mnist.variants import VARIANTS
from cgn.errors import UserError
from cgn.evaluation.mix_and_match import NOISES, answers_to_all, composites, imagenet_world, mnist_world
from cgn.generators.imagenet.mechanisms import ImageNetCGN, save_cgn
from cgn.generators.mnist.mechanisms import CGN, CGNConfig
from cgn.generators.mnist.stored import save_generator
from cgn.io.files import leave_out
from cgn.io.pixels import from_bytes
from cgn.methods.registry import METHODS
from cgn.networks.backbones import random_backbone
from cgn.networks.classifier import Classifier, Signature, write_signature
from cgn.networks.digit_cnn import DigitCNN
from cgn.networks.ensemble import EnsembleNetwork
from cgn.networks.small_resnet import SmallResNet
from cgn.scm import compose


class Brightness(Classifier):
    """Says 0 of a dark image, 1 of a bright one."""

    def forward(self, images: Tensor) -> Tensor:
        mean = images.mean(dim=(1, 2, 3))
        return torch.stack([-mean, mean], dim=1)


def save_classifier(folder: Path, network: Classifier) -> None:
    state = {name: value.contiguous() for name, value in network.state_dict().items()}
    save_file(state, folder / "weights.safetensors")


def test_composites_of_bytes_are_those_of_the_model() -> None:
    rng = np.random.default_rng(0)
    mask = rng.integers(0, 256, (5, 8, 8, 1), dtype=np.uint8)
    foreground, background = rng.integers(0, 256, (2, 5, 8, 8, 3), dtype=np.uint8)
    exact = compose(mask / 255, foreground.astype(float), background.astype(float))
    assert np.abs(composites(mask, foreground, background) - exact).max() <= 0.5 + 1e-9


def test_every_combination_is_answered_at_its_place() -> None:
    dark, bright = np.zeros((1, 4, 4, 3), np.uint8), np.full((1, 4, 4, 3), 255, np.uint8)
    textures = np.stack([dark, bright])  # of class 0 and class 1, one noise
    for whole, of_mask in ((255, "foreground"), (0, "background")):
        layers = {"shape": np.full((2, 1, 4, 4, 1), whole, np.uint8), "foreground": textures}
        said = answers_to_all(layers | {"background": textures}, {"brightness": Brightness()})["brightness"]
        _, _, foregrounds, backgrounds = np.indices((1, 2, 2, 2))
        wanted = foregrounds if of_mask == "foreground" else backgrounds
        np.testing.assert_array_equal(said, wanted)


def test_a_world_of_trained_networks(tmp_path: Path) -> None:
    variant = next(iter(VARIANTS))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        config = CGNConfig(4, 8, 4, 9.0, "shift", 8, "plain")
        (tmp_path / "cgn" / variant).mkdir(parents=True)
        save_generator(tmp_path / "cgn" / variant, CGN(config).state_dict(), config)
    for number, method in enumerate(METHODS):
        folder = tmp_path / "classifiers" / variant / method
        folder.mkdir(parents=True)
        save_classifier(folder, DigitCNN(number))
    world, again = (mnist_world(variant, tmp_path, released=False, seed=1) for _ in range(2))

    assert world.layers["shape"].shape == (10, NOISES, 32, 32, 1)
    assert world.layers["foreground"].shape == (10, NOISES, 32, 32, 3)
    assert set(world.answers) == set(METHODS)
    for method, said in world.answers.items():
        np.testing.assert_array_equal(said, again.answers[method])
    # One of the images, put together and classified by itself.
    image = composites(
        world.layers["shape"][3, 2], world.layers["foreground"][7, 2], world.layers["background"][1, 2]
    )
    alone = DigitCNN(0).predict(torch.from_numpy(image[None]))
    assert world.answers["original"][2, 3, 7, 1] == alone.item()

    (tmp_path / "classifiers" / variant / "cgn" / "weights.safetensors").unlink()
    with pytest.raises(UserError, match=r"cgn/weights\.safetensors: not found"):
        mnist_world(variant, tmp_path, released=False, seed=1)


def test_the_imagenet_branch_with_an_ensemble(cgn: ImageNetCGN, root: Path, tmp_path: Path) -> None:
    names = ["sea dog", "bird"]
    (tmp_path / "cgn/all").mkdir(parents=True)
    save_cgn(tmp_path / "cgn/all", cgn)
    (tmp_path / "pretrained").symlink_to(root / "weights/emoji")
    plain, ensemble = (
        SmallResNet(0, 2, [4, 8]).eval(),
        EnsembleNetwork(random_backbone(0, [4, 8]), 2, 1).eval(),
    )
    for name, network in {"in": plain, "ensemble": ensemble}.items():
        folder = tmp_path / "classifiers" / name
        folder.mkdir(parents=True)
        save_classifier(folder, network)
        write_signature(folder, Signature(names, 48))
    leave_out(tmp_path / "classifiers/sin", "no masks")
    world = imagenet_world("folder", tmp_path, names, [1, 0], truncation=0.5, seed=0)

    assert list(world.answers) == ["ensemble", "shape", "texture", "background", "in"]
    assert world.layers["shape"].shape == (2, NOISES, 48, 48, 1)
    mask, foreground, background = world.layers.values()
    inputs = torch.from_numpy(composites(mask[0, 1], foreground[1, 1], background[1, 1])[None])
    assert world.answers["in"][1, 0, 1, 1] == plain.predict(inputs).item()
    of_texture = ensemble.head_logits(from_bytes(inputs))[0, 1]
    assert world.answers["texture"][1, 0, 1, 1] == of_texture.argmax().item()
