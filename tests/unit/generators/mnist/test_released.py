"""The network of the released MNIST code: its files, and its training as the paper describes it."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from cgn.counterfactuals import CounterfactualParams
from cgn.errors import UserError
from cgn.generators.mnist.faithful import train_faithful_cgn
from cgn.generators.mnist.mechanisms import ARRANGEMENT_DIMENSIONS, CLASSES, TEXTURES, inputs
from cgn.generators.mnist.released import ReleasedCGN, ReleasedConfig, load_released_cgn
from cgn.generators.mnist.sampling import sample_counterfactuals
from cgn.generators.mnist.stored import load_cgn
from cgn.generators.params import GeneratorBudget
from cgn.params.reading import read
from cgn.scm import MNIST_SCM
from cgn.training.checkpoint import Checkpoint
from tests.unit.killing import KilledError, KillingCheckpoint

FILES = {"colored_mnist": "colored", "double_colored_mnist": "double_colored", "wildlife_mnist": "wildlife"}
# Tensors of the published files that are neither weights nor statistics of the others' layers.
PUBLISHED = {"label_emb.weight": (10, 10), "f_shape.9.weight": (1, 32, 3, 3), "f_text2.11.running_mean": (3,)}
BUDGET = GeneratorBudget(width=4, noise_dimensions=3, discriminator_width=8, steps=8, batch=8)
EVERY = CounterfactualParams(intervened=["shape", "foreground", "background"], noise="per_mechanism", ratio=1)


def drawn(cgn: ReleasedCGN, count: int) -> dict[str, torch.Tensor]:
    draws = torch.Generator().manual_seed(0)
    vectors = torch.randn(3, count, cgn.noise_dimensions, generator=draws)
    arrangements = torch.rand(len(TEXTURES), count, ARRANGEMENT_DIMENSIONS, generator=draws)
    return MNIST_SCM.evaluate(cgn.mechanisms, *inputs(torch.arange(count) % CLASSES, vectors, arrangements))


@pytest.fixture
def published(tmp_path: Path) -> Path:
    """Random weights under the names and in the form of a published file."""
    torch.manual_seed(0)
    path = tmp_path / "ckp.pth"
    torch.save(ReleasedCGN(ReleasedConfig(32, 32, "shift", 8)).state_dict(), path)
    return path


def test_reads_a_file_of_the_published_names(published: Path) -> None:
    state = torch.load(published, weights_only=True)
    assert len(state) == 57
    assert {name: tuple(state[name].shape) for name in PUBLISHED} == PUBLISHED
    cgn = load_released_cgn(published)
    parts = drawn(cgn, 20)
    assert parts["shape"].shape == (20, 1, 32, 32)
    assert parts["composer"].shape == (20, 3, 32, 32)
    assert 0 < parts["shape"].min() < parts["shape"].max() < 1
    assert parts["background"].abs().max() <= 1
    # The mask is normalised over its pixels: without the clipping its mean would be 0, so half of it is dark.
    assert 0.3 < (parts["shape"] < 0.5).float().mean() < 0.9
    samples = list(sample_counterfactuals(cgn, EVERY, 0, 0, 12))
    assert {sample.image.shape for sample in samples} == {(32, 32, 3)}


def test_another_file_is_one_line(published: Path, tmp_path: Path) -> None:
    state = torch.load(published, weights_only=True)
    for name, kept in {
        "other.pth": {"weight": torch.zeros(3)},
        "part.pth": {name: value for name, value in state.items() if name != "f_text1.3.weight"},
    }.items():
        torch.save(kept, tmp_path / name)
        with pytest.raises(UserError, match=name):
            load_released_cgn(tmp_path / name)


@pytest.mark.parametrize("variant", FILES)
def test_the_published_files_draw_digits(variant: str, root: Path, shared_data: Path) -> None:
    path = shared_data / "released_mnist_cgn" / f"{FILES[variant]}.pth"
    if not path.is_file():
        pytest.skip(f"no {path}")
    asset = getattr(read(root).assets, f"released_{variant}")
    assert hashlib.sha256(path.read_bytes()).hexdigest() == asset.sha256
    assert asset.file_name == f"released_{variant}.pth"
    cgn = load_released_cgn(path)
    assert cgn.config == ReleasedConfig(32, 32, "shift", 8)
    masks = drawn(cgn, 100)["shape"][:, 0]
    assert 0.1 < masks.mean() < 0.35  # a digit covers 0.05 to 0.3
    assert masks[:, :3].mean() < 0.2  # not inverted
    one, zero = (masks[digit::CLASSES] for digit in (1, 0))
    assert one.mean() < zero.mean()


def train(folder: Path, variant: str, checkpoint: Checkpoint, steps: int = 8) -> dict[str, str]:
    images: NDArray[np.uint8] = np.random.default_rng(0).integers(256, size=(40, 32, 32, 3), dtype=np.uint8)
    labels = np.arange(40, dtype=np.uint8) % 10
    folder.mkdir(exist_ok=True)
    budget = BUDGET.model_copy(update={"steps": steps})
    train_faithful_cgn(folder, variant, images, labels, budget, 0, checkpoint, torch.device("cpu"))
    return {path.name: hashlib.md5(path.read_bytes()).hexdigest() for path in folder.iterdir()}


@pytest.mark.parametrize("variant", ["double_colored_mnist", "wildlife_mnist"])  # dropout, and batch norms
def test_a_killed_training_resumes_to_the_same_bytes(variant: str, tmp_path: Path) -> None:
    straight = train(tmp_path / "straight", variant, Checkpoint(tmp_path / "a.pt", "x"))
    assert set(straight) == {"weights.safetensors", "history.csv", "snapshots.safetensors"}
    with pytest.raises(KilledError):
        train(tmp_path / "resumed", variant, KillingCheckpoint(tmp_path / "b.pt", "x"))
    assert train(tmp_path / "resumed", variant, Checkpoint(tmp_path / "b.pt", "x")) == straight


def test_the_faithful_training_is_stored_and_moves_every_weight(tmp_path: Path) -> None:
    trained = {}
    for steps in (1, 6):
        train(tmp_path / str(steps), "wildlife_mnist", Checkpoint(tmp_path / f"{steps}.pt", "x"), steps)
        trained[steps] = load_cgn(tmp_path / str(steps))
    first, last = trained[1], trained[6]
    assert isinstance(last, ReleasedCGN)
    assert last.config.texture_shuffle == "permute"
    still = [
        name
        for (name, one), other in zip(first.named_parameters(), last.parameters(), strict=True)
        if torch.equal(one, other)
    ]
    assert still == []
    history = (tmp_path / "6" / "history.csv").read_text(encoding="utf-8").splitlines()
    assert history[0] == "step,discriminator,adversarial,binary,mask"
