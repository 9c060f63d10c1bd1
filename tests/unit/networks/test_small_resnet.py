import json
import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from cgn.data.class_maps import IN9_CLASSES
from cgn.errors import UserError
from cgn.networks.classifier import PREPROCESSING, Signature, write_signature
from cgn.networks.image_classifier import classify_files, load_image_classifiers
from cgn.networks.small_resnet import SmallResNet, load_small_resnet
from cgn.networks.user_models import scores_by_model


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def _save(network: SmallResNet, folder: Path, classes: Sequence[str] = IN9_CLASSES) -> None:
    weights = {name: value.contiguous() for name, value in network.state_dict().items()}
    save_file(weights, folder / "weights.safetensors")
    write_signature(folder, Signature(list(classes), 32))


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
    (classifier,) = load_image_classifiers(str(tmp_path), {}).values()
    probabilities = classifier.probabilities(pixels)
    assert probabilities.sum(axis=1) == pytest.approx(np.ones(3), abs=1e-5)
    assert np.array_equal(probabilities.argmax(axis=1), network.predict(torch.from_numpy(pixels)).numpy())
    assert classifier.cue_conflict_outputs["musical_instrument"] == [6]
    assert classifier.in9_classes.tolist() == list(range(9))


def test_classes_are_those_of_its_names(tmp_path: Path) -> None:
    """Nine classes in another order, of which one is none of IN-9's."""
    names = ["tulip", *IN9_CLASSES[:0:-1]]
    _save(SmallResNet(0, 9, [4, 8]), tmp_path, names)
    (classifier,) = load_image_classifiers(str(tmp_path), {}).values()
    assert classifier.in9_classes.tolist() == [-1, 8, 7, 6, 5, 4, 3, 2, 1]
    assert classifier.cue_conflict_outputs["tulip"] == [0]


def test_images_of_another_size_are_resized_and_the_log_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    _save(SmallResNet(0, 9, [4, 8]).eval(), tmp_path)
    (classifier,) = load_image_classifiers(str(tmp_path), {}).values()
    smooth = np.linspace(0, 255, 32 * 32 * 3).reshape(32, 32, 3).astype(np.uint8)
    Image.fromarray(smooth).save(tmp_path / "own.png")
    large = Image.fromarray(smooth).resize((128, 128), Image.Resampling.BICUBIC)
    large.save(tmp_path / "large.png")
    with caplog.at_level(logging.WARNING):
        own = classify_files(classifier, [tmp_path / "own.png"], "own")
        assert not caplog.records
        resized = classify_files(classifier, [tmp_path / "large.png"], "large")
    np.testing.assert_allclose(resized, own, atol=0.02)
    message = "large: 1 of 1 images are not of the classifier's 32 pixels: resized"
    assert [record.getMessage() for record in caplog.records] == [message]


@pytest.mark.parametrize(
    ("stored", "message"),
    [
        (None, r"signature\.json: not found"),
        ({"classes": ["a"], "resolution": 32}, r"signature\.json: no classes, resolution and preprocessing"),
        ({"classes": ["a"] * 9, "resolution": 32, "preprocessing": "none"}, r"preprocessing: none; known is"),
        (
            {"classes": ["a"], "resolution": 32, "preprocessing": PREPROCESSING},
            r"9 outputs and the names of 1",
        ),
    ],
)
def test_a_wrong_signature_is_named(tmp_path: Path, stored: dict[str, object] | None, message: str) -> None:
    _save(SmallResNet(0, 9, [4, 8]), tmp_path)
    path = tmp_path / "signature.json"
    path.unlink() if stored is None else path.write_text(json.dumps(stored), encoding="utf-8")
    with pytest.raises(UserError, match=message):
        load_image_classifiers(str(tmp_path), {})


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
