import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from cgn.generators.mnist import training
from cgn.generators.mnist.mechanisms import CGN, CGNConfig
from cgn.generators.mnist.sampling import BLOCK, sample_counterfactuals, sample_gan
from cgn.generators.mnist.stored import load_cgn, load_gan
from cgn.generators.params import GeneratorBudget
from cgn.io.pixels import to_bytes
from cgn.params.reading import read
from cgn.params.schema import Params
from cgn.scm import MNIST_SCM, compose
from cgn.seeding import indexed_normals, indexed_uniforms
from cgn.training.checkpoint import Checkpoint
from tests.unit.killing import KilledError, KillingCheckpoint

CPU = torch.device("cpu")
BUDGET = GeneratorBudget(width=4, noise_dimensions=10, discriminator_width=8, steps=8, batch=8)
Arrays = tuple[NDArray[np.uint8], NDArray[np.uint8]]


@pytest.fixture(scope="module")
def params(root: Path) -> Params:
    return read(root)


@pytest.fixture(scope="module")
def arrays() -> Arrays:
    rng = np.random.default_rng(0)
    return rng.integers(256, size=(40, 32, 32, 3), dtype=np.uint8), np.arange(40, dtype=np.uint8) % 10


def train(folder: Path, params: Params, arrays: Arrays, checkpoint: Checkpoint) -> dict[str, str]:
    folder.mkdir(exist_ok=True)
    own = params.mnist.cgn.of("wildlife_mnist").model_copy(update={"texture_start": "plain"})
    training.train_cgn(folder, *arrays, own, params.mnist.adversarial, BUDGET, 0, checkpoint, CPU)
    return {path.name: hashlib.md5(path.read_bytes()).hexdigest() for path in folder.iterdir()}


def test_a_killed_run_resumes_to_the_same_bytes(tmp_path: Path, params: Params, arrays: Arrays) -> None:
    straight = train(tmp_path / "straight", params, arrays, Checkpoint(tmp_path / "a.pt", "x"))
    assert set(straight) == {"weights.safetensors", "history.csv", "snapshots.safetensors"}
    with pytest.raises(KilledError):
        train(tmp_path / "resumed", params, arrays, KillingCheckpoint(tmp_path / "b.pt", "x"))
    assert train(tmp_path / "resumed", params, arrays, Checkpoint(tmp_path / "b.pt", "x")) == straight


@pytest.mark.parametrize(("progress", "weight"), [(0.0, 0.0), (0.25, 0.2), (0.5, 0.4), (1.0, 0.1)])
def test_masks_of_other_classes_are_refused(params: Params, progress: float, weight: float) -> None:
    cgn_params = params.mnist.cgn.of("wildlife_mnist").model_copy(update={"mismatch_weight": [0.0, 0.4, 0.1]})
    cgn = training.TrainableCGN(CGNConfig(4, 3, 4, 9.0, "none", 8, "plain"), cgn_params)
    labels = torch.tensor([3, 3, 7, 7])
    fake = cgn.fake(labels, torch.zeros(4, 3, 32, 32), torch.Generator().manual_seed(0), progress)
    assert fake.refused is not None
    # Of image 0 and 2, the mask before is of another class.
    torch.testing.assert_close(fake.refused.weights, torch.tensor([weight, 0.0, weight, 0.0]))
    assert not fake.refused.images.requires_grad
    assert fake.images.requires_grad


def test_masks_stay_the_disc_during_the_warm_up(params: Params) -> None:
    cgn_params = params.mnist.cgn.of("wildlife_mnist").model_copy(update={"mask_warmup": 0.1})
    cgn = training.TrainableCGN(CGNConfig(4, 3, 4, 9.0, "none", 8, "plain"), cgn_params)
    for progress, learns in ((0.05, False), (0.1, True)):
        fake = cgn.fake(
            torch.tensor([1, 2]), torch.zeros(2, 3, 32, 32), torch.Generator().manual_seed(0), progress
        )
        cgn.zero_grad()
        torch.autograd.backward(fake.images.sum())
        assert any(parameter.grad is not None for parameter in cgn.shape.parameters()) is learns
        assert all(parameter.grad is not None for parameter in cgn.background.parameters())


def test_without_mismatch_nothing_is_refused(params: Params) -> None:
    cgn_params = params.mnist.cgn.of("wildlife_mnist").model_copy(update={"mismatch_weight": [0.0]})
    cgn = training.TrainableCGN(CGNConfig(4, 3, 4, 9.0, "none", 8, "plain"), cgn_params)
    draws = torch.Generator().manual_seed(0)
    assert cgn.fake(torch.tensor([1, 2]), torch.zeros(2, 3, 32, 32), draws, 0.5).refused is None


@pytest.mark.parametrize("noise", ["shared", "per_mechanism"])
@pytest.mark.parametrize("ratio", [1, 7])
def test_samples_are_the_plan_image_by_image(params: Params, noise: str, ratio: int) -> None:
    """Drawing each mask once, in blocks and by several threads, gives what one image at a time does."""
    cgn = CGN(CGNConfig(4, 3, 4, 9.0, "shift", 8, "patterned")).eval()
    policy = params.mnist.counterfactuals.model_copy(update={"ratio": ratio, "noise": noise})
    threads = torch.get_num_threads()
    sets = []
    for count in (1, 3):
        torch.set_num_threads(count)
        sets.append(list(sample_counterfactuals(cgn, policy, 0, 0, BLOCK + 30)))
    torch.set_num_threads(threads)
    assert [sample.metadata for sample in sets[0]] == [sample.metadata for sample in sets[1]]
    np.testing.assert_array_equal(*([sample.image for sample in one] for one in sets))
    assert {sample.metadata["noise"]["shape"] for sample in sets[0]} == set(range(-(-(BLOCK + 30) // ratio)))

    for sample in sets[0][BLOCK - 8 : BLOCK + 8]:
        maps = []
        for mechanism in MNIST_SCM.mechanisms:
            number = sample.metadata["noise"][mechanism]
            table = "noise" if noise == "shared" else f"noise/{mechanism}"
            vector = torch.from_numpy(indexed_normals(0, table, number, number + 1, 3))
            label = torch.tensor([sample.metadata["labels"][mechanism]])
            if mechanism == "shape":
                maps.append(cgn.shape(label, vector))
                continue
            index = sample.metadata["index"]
            uniforms = indexed_uniforms(0, f"arrangement/{mechanism}", index, index + 1, 64)
            maps.append(getattr(cgn, mechanism)(label, (vector, torch.from_numpy(uniforms))))
        image = to_bytes(compose(*maps).detach())[0]
        assert np.abs(image.astype(int) - sample.image).max() <= 1


def test_samples_regenerate_from_their_index(tmp_path: Path, params: Params, arrays: Arrays) -> None:
    train(tmp_path / "cgn", params, arrays, Checkpoint(tmp_path / "a.pt", "x"))
    cgn = load_cgn(tmp_path / "cgn")
    policy = params.mnist.counterfactuals
    whole = list(sample_counterfactuals(cgn, policy, 0, 0, BLOCK + 40))
    part = list(sample_counterfactuals(cgn, policy, 0, BLOCK - 7, BLOCK + 9))
    for sample, again in zip(whole[BLOCK - 7 : BLOCK + 9], part, strict=True):
        assert sample.metadata == again.metadata
        np.testing.assert_array_equal(sample.image, again.image)
    assert [sample.metadata["index"] for sample in whole] == list(range(BLOCK + 40))


def test_an_image_without_intervention_has_one_label(tmp_path: Path, params: Params, arrays: Arrays) -> None:
    (tmp_path / "gan").mkdir()
    training.train_gan(
        tmp_path / "gan",
        *arrays,
        params.mnist.adversarial,
        BUDGET,
        0,
        Checkpoint(tmp_path / "g.pt", "x"),
        CPU,
    )
    for sample in sample_gan(load_gan(tmp_path / "gan"), 0, 0, 30):
        assert len(set(sample.metadata["labels"].values())) == 1
        assert sample.image.shape == (32, 32, 3)
