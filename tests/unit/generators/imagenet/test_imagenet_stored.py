"""A training from a folder of pre-trained networks to a folder of its own, and what is read from it."""

import json
from pathlib import Path

import pandas as pd
import pytest
import torch

from cgn.errors import UserError
from cgn.generators.imagenet.losses import ablated
from cgn.generators.imagenet.mechanisms import load_cgn
from cgn.generators.imagenet.run import train_and_save_cgn
from cgn.generators.params import ImageNetCGNBudget, ImageNetCGNParams, RefinementParams
from cgn.generators.pretraining.stored import load_cgan, save_network, weights_file
from cgn.io.arrays import read_arrays
from cgn.io.files import atomic_folder
from cgn.networks.biggan import BIGGAN_SMALL, build_biggan, generate, sizes_of, truncated_noise
from cgn.networks.u2net import U2NET_SMALL, U2Net
from cgn.networks.vgg import VGG_SMALL, VGGClassifier
from cgn.scm import compose
from cgn.training.checkpoint import Checkpoint

BUDGET = ImageNetCGNBudget(steps=1, batch=2, accumulation=1, precision="fp32")
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def pretrained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Networks that have learnt nothing, for 32 pixels."""
    folder = tmp_path_factory.mktemp("pretrained")
    torch.manual_seed(0)
    save_network(weights_file(folder, "biggan"), build_biggan(BIGGAN_SMALL._replace(start=2), seed=3))
    save_network(weights_file(folder, "u2net"), U2Net(U2NET_SMALL))
    save_network(weights_file(folder, "vgg"), VGGClassifier(VGG_SMALL, 27))
    return folder


def _train(folder: Path, pretrained: Path, params: ImageNetCGNParams, seed: int = 0) -> None:
    checkpoint = Checkpoint(folder.with_suffix(".pt"), "run", every_seconds=0)
    with atomic_folder(folder) as temporary:
        train_and_save_cgn(temporary, pretrained, params, BUDGET, seed, checkpoint, CPU)


def test_patches_that_do_not_fit_are_named(
    pretrained: Path, params: ImageNetCGNParams, tmp_path: Path
) -> None:
    large = params.model_copy(update={"patch_size": 33})
    with pytest.raises(UserError, match=r"imagenet\.cgn\.patch_size: 33 pixels do not fit into images of 32"):
        _train(tmp_path / "cgn", pretrained, large)
    assert not (tmp_path / "cgn").exists()


def test_the_same_seed_gives_the_same_files(
    pretrained: Path, params: ImageNetCGNParams, tmp_path: Path
) -> None:
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        _train(tmp_path / name, pretrained, ablated(params, "no_text"), seed)
    files = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert files == ["gradient_shares.json", "history.csv", "snapshots.safetensors", "weights.safetensors"]
    first, second, third = (
        [(tmp_path / name / file).read_bytes() for file in files] for name in ("a", "b", "c")
    )
    assert first == second
    assert all(one != other for one, other in zip(first, third, strict=True))

    assert list(pd.read_csv(tmp_path / "a/history.csv").columns) == [
        *("step", "l1", "perceptual", "binary", "mask", "background", "mask_mean")
    ]
    shares = json.loads((tmp_path / "a/gradient_shares.json").read_text())
    assert set(shares) == {"shape", "foreground", "background"}
    snapshots = read_arrays(tmp_path / "a/snapshots.safetensors")
    assert snapshots["composite"].shape == (2, 9, 32, 32, 3)
    assert snapshots["step"].tolist() == [0, 1]


def test_it_starts_as_the_gan_and_is_read_as_it_was_written(
    pretrained: Path, params: ImageNetCGNParams, tmp_path: Path
) -> None:
    rates = params.learning_rates.model_copy(update={"shape": 1e-12, "background": 1e-2})
    params = params.model_copy(update={"learning_rates": rates, "truncation": 0.5})
    _train(tmp_path / "cgn", pretrained, params)
    cgn, cgan = load_cgn(tmp_path / "cgn", pretrained), load_cgan(pretrained)
    assert cgn.sizes == sizes_of(cgan) == BIGGAN_SMALL._replace(start=2)
    assert cgn.truncation == 0.5
    assert not any(parameter.requires_grad for parameter in cgn.parameters())

    noise, labels = truncated_noise(0, "x", 0, 2, cgn.sizes.noise_dimensions, 0.5), torch.tensor([0, 8])
    outputs, image = cgn.together(noise, labels), generate(cgan, noise, labels, 0.5)
    # A rate of next to nothing leaves the shape's generator as it started; the background's has moved.
    assert torch.allclose(outputs.premask, image, atol=1e-4)
    assert not torch.allclose(outputs.background, image, atol=1e-2)


def test_from_scratch_it_does_not(pretrained: Path, params: ImageNetCGNParams, tmp_path: Path) -> None:
    _train(tmp_path / "cgn", pretrained, params.model_copy(update={"start": "scratch"}))
    snapshots = read_arrays(tmp_path / "cgn/snapshots.safetensors")
    assert (snapshots["premask"][0] != snapshots["background"][0]).mean() > 0.5


def test_what_is_missing_or_of_another_kind_is_named(pretrained: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"weights.safetensors: not found; run the stage that trains it"):
        load_cgn(tmp_path, pretrained)
    (tmp_path / "weights.safetensors").write_bytes((pretrained / "vgg.safetensors").read_bytes())
    with pytest.raises(UserError, match=r"weights.safetensors: not a generator's weights"):
        load_cgn(tmp_path, pretrained)


def test_a_refinement_starts_from_the_composite_learns_and_is_read_again(
    pretrained: Path, params: ImageNetCGNParams, tmp_path: Path
) -> None:
    refined = params.model_copy(update={"refinement": RefinementParams(features=3, learning_rate=0.01)})
    for name, asked in (("plain", params), ("refined", refined)):
        _train(tmp_path / name, pretrained, asked)
    plain, found = (load_cgn(tmp_path / name, pretrained) for name in ("plain", "refined"))
    assert (plain.refinement is None, set(plain.trained)) == (True, set(plain.generators))
    assert found.refinement is not None
    assert found.refinement.layers[-1].weight.abs().sum() > 0
    # The first update starts from the same composites, so it changes the mechanisms equally.
    for name, weights in plain.generators.state_dict().items():
        assert torch.equal(weights, found.generators.state_dict()[name]), name
    noise = truncated_noise(0, "x", 0, 2, found.sizes.noise_dimensions, 1.0)
    with torch.no_grad():
        outputs = found.together(noise, torch.tensor([0, 1]))
        composite = compose(outputs.mask, outputs.foreground, outputs.background)
        assert torch.equal(outputs.composite, found.refinement(composite))
    assert not torch.equal(outputs.composite, composite)
    assert outputs.composite.abs().max() <= 1
    shares = json.loads((tmp_path / "refined/gradient_shares.json").read_text())
    assert {name for name, share in shares["refinement"].items() if share > 0} == {"l1", "perceptual"}
