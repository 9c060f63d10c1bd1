from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from cgn.data.mnist.variants import VARIANTS
from cgn.errors import UserError
from cgn.evaluation.mix_and_match import NOISES, answers_to_all, composites, mnist_world
from cgn.generators.mnist.mechanisms import CGN, CGNConfig
from cgn.generators.mnist.stored import save_generator
from cgn.methods.registry import METHODS
from cgn.networks.classifier import Classifier
from cgn.networks.digit_cnn import DigitCNN
from cgn.scm import compose


class Brightness(Classifier):
    """Says 0 of a dark image, 1 of a bright one."""

    def forward(self, images: Tensor) -> Tensor:
        mean = images.mean(dim=(1, 2, 3))
        return torch.stack([-mean, mean], dim=1)


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
        state = {name: value.contiguous() for name, value in DigitCNN(number).state_dict().items()}
        save_file(state, folder / "weights.safetensors")
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
