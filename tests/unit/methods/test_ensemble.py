"""The ensemble: which images train which head, that heads learn their own factor, and what is stored."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torchvision import models

from cgn.data.class_maps import IN9_CLASSES
from cgn.data.sources import Images, Minibatch
from cgn.errors import UserError
from cgn.io.shards import Sample, write_shards
from cgn.methods.ensemble import Ensemble, real_and_counterfactuals
from cgn.methods.params import ClassifierParams, HeadSmoothing
from cgn.networks.backbones import Backbone, OneHead, new_classifier, random_backbone
from cgn.networks.classifier import Signature, write_signature
from cgn.networks.ensemble import HEADS, EnsembleNetwork, load_ensemble
from cgn.networks.image_classifier import load_networks
from cgn.networks.small_resnet import SmallResNet
from cgn.networks.user_models import scores_by_model

CLASSES = 3
# What a class of the shape, the foreground and the background looks like here: a square's place, two colours.
CORNERS, COLORS = ((0, 0), (0, 8), (8, 8)), ((250, 20, 20), (20, 250, 20), (20, 20, 250))


def image(shape: int, foreground: int, background: int) -> np.ndarray:
    pixels = np.full((16, 16, 3), COLORS[background], dtype=np.uint8)
    row, column = CORNERS[shape]
    pixels[row : row + 8, column : column + 8] = np.array(COLORS[foreground]) // 2
    return pixels


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture
def shards(tmp_path: Path) -> Path:
    """All 27 combinations of the three labels."""
    names = ("shape", "foreground", "background")
    samples = [
        Sample(
            image(*factors),
            {"index": index, "labels": {name: int(f) for name, f in zip(names, factors, strict=True)}},
        )
        for index, factors in enumerate(np.ndindex(CLASSES, CLASSES, CLASSES))
    ]
    write_shards(tmp_path / "shards", samples, images_per_shard=14)
    return tmp_path / "shards"


@pytest.fixture
def real() -> Images:
    """The three combinations whose labels agree."""
    return Images(np.stack([image(label, label, label) for label in range(CLASSES)]), np.arange(CLASSES))


def make(steps: int = 1, channels: tuple[int, ...] = (8, 16), of_background: float = 0.1) -> Ensemble:
    schedule = ClassifierParams(
        batch=18, optimizer="adam", learning_rate=0.01, warmup=0.1, learning_rate_decay=0.8, decays=1
    )
    network = EnsembleNetwork(random_backbone(0, list(channels)), CLASSES, seed=1)
    return Ensemble(network, steps, schedule, HeadSmoothing(shape=0.1, texture=0.1, background=of_background))


NINE = Signature(list(IN9_CLASSES), 16)


def save(network: torch.nn.Module, folder: Path, signature: Signature = NINE) -> Path:
    folder.mkdir(exist_ok=True)
    weights = {name: value.contiguous() for name, value in network.state_dict().items()}
    save_file(weights, folder / "weights.safetensors")
    write_signature(folder, signature)
    return folder


@pytest.mark.parametrize(
    ("ratio", "counts"), [(1.0, (9, 9)), (0.5, (6, 12)), (100.0, (17, 1)), (0.01, (1, 17))]
)
def test_a_batch_has_both_kinds_in_the_ratio_asked_for(
    shards: Path, real: Images, ratio: float, counts: tuple[int, int]
) -> None:
    minibatches = real_and_counterfactuals(real, shards, ratio, 18, 0, "x").minibatches(3)
    assert tuple(len(batch.labels) for batch in minibatches) == counts
    assert minibatches[0].labels.dim() == 1
    assert minibatches[1].labels.shape == (counts[1], len(HEADS))


def test_every_head_becomes_invariant_to_the_other_factors(shards: Path, real: Images) -> None:
    algorithm = make(steps=90)
    source = real_and_counterfactuals(real, shards, 1.0, 36, 0)
    values = [algorithm.update(source.minibatches(step)) for step in range(90)]
    assert set(values[0]) == {"loss", "real", *HEADS}
    (everything,) = real_and_counterfactuals(real, shards, 0.01, 28, 0).minibatches(0)[1:]
    network = algorithm.network.eval()
    with torch.no_grad():
        answers = network.head_logits(everything.images.permute(0, 3, 1, 2).float() / 127.5 - 1).argmax(dim=2)
    assert (answers == everything.labels).float().mean(dim=0).tolist() == [1.0, 1.0, 1.0]
    assert network.predict(torch.from_numpy(real.images)).tolist() == [0, 1, 2]


def gradients(algorithm: Ensemble, minibatches: list[Minibatch]) -> dict[str, torch.Tensor]:
    algorithm.update(minibatches)
    return {
        name: head.weight.grad
        for name, head in algorithm.network.heads.items()
        if head.weight.grad is not None
    }


def test_a_counterfactual_trains_each_head_on_its_own_label(shards: Path, real: Images) -> None:
    _, counterfactual = real_and_counterfactuals(real, shards, 1.0, 18, 0).minibatches(0)
    whole = {}
    for name in ("as drawn", "another texture"):
        labels = counterfactual.labels.clone()
        if name != "as drawn":
            labels[:, list(HEADS).index("texture")] = 0
        two = Minibatch(counterfactual.images, labels)
        whole[name] = gradients(make(), [two._replace(labels=labels[:, 0]), two])
    for head in HEADS:
        same = torch.equal(whole["as drawn"][head], whole["another texture"][head])
        assert same == (head != "texture")


def test_labels_are_smoothed_by_head(shards: Path, real: Images) -> None:
    minibatches = real_and_counterfactuals(real, shards, 1.0, 18, 0).minibatches(0)
    weak, strong = (make(of_background=share).update(minibatches) for share in (0.1, 0.5))
    assert {name for name, value in weak.items() if value != strong[name]} == {"background", "loss"}


def test_a_real_image_trains_the_mean_of_the_logits(shards: Path, real: Images) -> None:
    """So that all heads get the same gradient from it, different as they are."""
    algorithm = make()
    minibatches = real_and_counterfactuals(real, shards, 1.0, 18, 0).minibatches(0)
    network = algorithm.network
    logits = network(minibatches[0].images.permute(0, 3, 1, 2).float() / 127.5 - 1)
    heads = network.head_logits(minibatches[0].images.permute(0, 3, 1, 2).float() / 127.5 - 1)
    torch.testing.assert_close(logits, heads.mean(dim=1))
    torch.autograd.backward(torch.nn.functional.cross_entropy(logits, minibatches[0].labels))
    first, second, third = (head.weight.grad for head in network.heads.values())
    torch.testing.assert_close(first, second)
    torch.testing.assert_close(first, third)


def test_a_folder_holds_four_classifiers(tmp_path: Path) -> None:
    network = EnsembleNetwork(random_backbone(0, [8, 16]), 9, seed=1).eval()
    folder = save(network, tmp_path / "any_name")
    loaded = load_networks(folder)
    assert list(loaded) == ["ensemble", "shape", "texture", "background"]
    images = torch.rand(2, 3, 16, 16) * 2 - 1
    assert torch.equal(loaded["ensemble"].network(images), network(images))
    for number, name in enumerate(HEADS):
        assert torch.equal(loaded[name].network(images), network.head_logits(images)[:, number])
    plain = save(SmallResNet(0, 9, [4, 8]), tmp_path / "in")
    scores = scores_by_model([str(plain), str(folder)], {}, lambda model: {"outputs": len(model.in9_classes)})
    assert list(scores) == ["in", "ensemble", "shape", "texture", "background"]
    assert list(scores_by_model([str(folder)], {}, lambda model: {})) == list(scores)[1:]


def test_a_resnet_of_torchvision_is_a_backbone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, put_weights: Callable[[str], torch.nn.Module]
) -> None:
    from cgn.networks.backbones import published_backbone

    published = put_weights("resnet18")
    backbone = published_backbone("resnet18")
    assert backbone.width == 512
    pixels = torch.rand(2, 3, 32, 32)
    mean, deviation = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    expected = published((pixels - mean.view(3, 1, 1)) / deviation.view(3, 1, 1))
    features = backbone.network.eval()(pixels * 2 - 1)
    torch.testing.assert_close(published.fc(features), expected, rtol=1e-4, atol=1e-4)
    # Stored, it is known again by its name.
    network = EnsembleNetwork(backbone, 9, 0).eval()
    again = load_ensemble(save(network, tmp_path / "ensemble", NINE._replace(backbone="resnet18")))
    assert torch.equal(again(pixels), network(pixels))


def test_efficientnet_lite0_learns_with_frozen_batch_norms(tmp_path: Path) -> None:
    network, name = new_classifier("efficientnet_lite0", 3, 0, [8])
    assert isinstance(network, OneHead)
    images = torch.rand(2, 3, 96, 96) * 2 - 1
    statistics = {key: value.clone() for key, value in network.state_dict().items() if "running" in key}
    torch.nn.functional.cross_entropy(network.train()(images), torch.tensor([0, 2])).backward()
    assert statistics
    assert all(torch.equal(network.state_dict()[key], value) for key, value in statistics.items())
    assert all(parameter.grad is not None for parameter in network.parameters())
    again = load_networks(save(network, tmp_path / "in", Signature(list("abc"), 96, name)))["in"].network
    assert torch.equal(again(images), network.eval()(images))


def test_heads_of_an_abducted_ensemble_have_names_of_their_own(tmp_path: Path) -> None:
    network = EnsembleNetwork(random_backbone(0, [8, 16]), 9, seed=1)
    found = list(load_networks(save(network, tmp_path / "ensemble_abducted")))
    assert found == [f"{name}_abducted" for name in ("ensemble", *HEADS)]


def test_unknown_backbones_and_those_without_a_last_layer_are_refused(
    put_weights: Callable[[str], torch.nn.Module],
) -> None:
    with pytest.raises(UserError, match="resnet5000: unknown classifier; known are efficientnet_lite0 and"):
        new_classifier("resnet5000", 3, 0, [8])
    put_weights("squeezenet1_1")
    with pytest.raises(UserError, match="squeezenet1_1: no linear layer at its end"):
        new_classifier("squeezenet1_1", 3, 0, [8])


@pytest.fixture
def put_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], torch.nn.Module]:
    """`put_weights(name)` puts random weights where torchvision keeps its own, and returns that network."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))

    def put(name: str) -> torch.nn.Module:
        torch.manual_seed(0)
        network = models.get_model(name).eval()
        file = (
            tmp_path / "hub/checkpoints" / next(iter(models.get_model_weights(name))).url.rsplit("/", 1)[-1]
        )
        file.parent.mkdir(parents=True)
        torch.save(network.state_dict(), file)
        return network

    return put


def test_wrong_weights_are_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"nowhere/weights\.safetensors: not found"):
        load_networks(tmp_path / "nowhere")
    folder = save(EnsembleNetwork(Backbone(torch.nn.Linear(4, 4), 4), 9, 0), tmp_path / "other")
    with pytest.raises(UserError, match=r"weights\.safetensors: not an ensemble of ours \(the backbone is"):
        load_networks(folder)
    weights = load_file(save(make().network, tmp_path / "cut") / "weights.safetensors")
    del weights["heads.texture.bias"]
    save_file(weights, tmp_path / "cut" / "weights.safetensors")
    with pytest.raises(UserError, match=r"weights\.safetensors: not the weights of this network"):
        load_networks(tmp_path / "cut")
