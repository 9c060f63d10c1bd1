from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from cgn.errors import UserError
from cgn.imagenet.classifiers.by_name import load_image_classifiers, of_small_world, scores_by_model
from cgn.imagenet.classifiers.small_resnet import SmallResNet, load_small_resnet


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def _save(network: SmallResNet, folder: Path) -> None:
    weights = {name: value.contiguous() for name, value in network.state_dict().items()}
    save_file(weights, folder / "weights.safetensors")


def test_sizes_and_seeds() -> None:
    network = SmallResNet(3, 9, [4, 8, 12]).eval()
    images = torch.randn(2, 3, 48, 48)
    assert network(images).shape == (2, 9)
    assert network.features(images).shape == (2, 12)
    assert network.stages(network.stem(images)).shape == (2, 12, 6, 6)
    same, other = SmallResNet(3, 9, [4, 8, 12]).eval(), SmallResNet(4, 9, [4, 8, 12]).eval()
    assert torch.equal(network(images), same(images))
    assert not torch.equal(network(images), other(images))


def test_a_stored_network_tells_its_own_sizes(tmp_path: Path) -> None:
    network = SmallResNet(0, 9, [4, 8]).eval()
    _save(network, tmp_path)
    images = torch.randn(2, 3, 32, 32)
    assert torch.equal(load_small_resnet(tmp_path)(images), network(images))
    with pytest.raises(UserError, match=r"nowhere/weights\.safetensors: not found"):
        load_small_resnet(tmp_path / "nowhere")
    save_file({"linear.weight": torch.zeros(9, 4)}, tmp_path / "weights.safetensors")
    with pytest.raises(UserError, match="not a classifier of ours"):
        load_small_resnet(tmp_path)


def test_as_a_classifier_of_both_scores(tmp_path: Path) -> None:
    network = SmallResNet(0, 9, [4, 8]).eval()
    _save(network, tmp_path)
    pixels = np.random.default_rng(0).integers(256, size=(3, 32, 32, 3), dtype=np.uint8)
    pictures = [Image.fromarray(image) for image in pixels]
    (classifier,) = load_image_classifiers(str(tmp_path), {}).values()
    probabilities = classifier.probabilities(pictures)
    assert probabilities.sum(axis=1) == pytest.approx(np.ones(3), abs=1e-5)
    assert np.array_equal(probabilities.argmax(axis=1), network.predict(torch.from_numpy(pixels)).numpy())
    assert classifier.cue_conflict_outputs["musical_instrument"] == [6]
    assert classifier.in9_classes.tolist() == list(range(9))
    with pytest.raises(UserError, match="images of several sizes"):
        of_small_world(network).probabilities([pictures[0], pictures[1].resize((40, 40))])


def test_scores_of_several_models_stand_under_their_names(tmp_path: Path) -> None:
    for name in ("first", "second", "other/first"):
        (tmp_path / name).mkdir(parents=True)
        _save(SmallResNet(len(name), 9, [4, 8]), tmp_path / name)
    first, second, same_name = (str(tmp_path / name) for name in ("first", "second", "other/first"))
    outputs = scores_by_model([first, second], {}, lambda model: {"outputs": len(model.in9_classes)})
    assert outputs == {"first": {"outputs": 9}, "second": {"outputs": 9}}
    assert scores_by_model([second], {}, lambda model: {"outputs": len(model.in9_classes)}) == {"outputs": 9}
    with pytest.raises(UserError, match=r"two models of one name \(first, first\)"):
        scores_by_model([first, same_name], {}, lambda model: {})
