from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from cgn.generators.params import BigGANBudget, BigGANTrainingParams
from cgn.generators.pretraining.biggan_training import LOSSES, TrainedBigGAN, train_biggan
from cgn.networks.biggan import BatchNorm, generate, truncated_noise
from cgn.training.checkpoint import Checkpoint
from tests.unit.generators.imagenet.conftest import TINY
from tests.unit.generators.pretraining.conftest import BIGGAN
from tests.unit.killing import KilledError


def _train(
    path: Path, steps: int = 6, params: BigGANTrainingParams = BIGGAN, kill_at: int = -1
) -> TrainedBigGAN:
    """On black images of class 0 and white ones of class 1."""
    torch.set_num_threads(1)
    checkpoint = Checkpoint(path, "the same run", every_seconds=0)
    save = checkpoint.save_if_due
    calls = iter(range(1000))

    def failing(state: Callable[[], dict[str, object]]) -> None:
        if kill_at >= 0:
            save(state)
        if next(calls) == kill_at:
            raise KilledError

    checkpoint.save_if_due = failing  # type: ignore[method-assign]
    labels = np.arange(20) % 2
    images = np.full((20, 16, 16, 3), 255, dtype=np.uint8) * labels[:, None, None, None].astype(np.uint8)
    budget = BigGANBudget(steps=steps, batch=4)
    return train_biggan(images, labels, TINY, params, budget, 0, checkpoint, torch.device("cpu"))


def test_a_killed_run_ends_the_same(tmp_path: Path) -> None:
    straight = _train(tmp_path / "straight.pt")
    for _ in range(2):
        with pytest.raises(KilledError):
            _train(tmp_path / "killed.pt", kill_at=2)
    resumed = _train(tmp_path / "killed.pt", kill_at=100)
    for name, value in straight.network.state_dict().items():
        assert torch.equal(value, resumed.network.state_dict()[name]), name
    assert straight.history == resumed.history
    assert [set(row) for row in straight.history] == [{"step", *LOSSES}] * 6
    assert [int(sheet["step"]) for sheet in straight.snapshots] == [1, 3, 6]
    for sheet, again in zip(straight.snapshots, resumed.snapshots, strict=True):
        assert sheet["images"].shape == (16, 16, 16, 3)
        assert torch.equal(sheet["images"], again["images"])


def test_the_network_is_ready_to_draw(tmp_path: Path) -> None:
    network = _train(tmp_path / "c.pt").network
    assert not any(module.training for module in network.modules())
    noise, labels = truncated_noise(3, "x", 0, 64, 4, 1.0), torch.arange(64) % 2
    for norm in (module for module in network.modules() if isinstance(module, BatchNorm)):
        # Those of no noise at all are not those of all noise.
        assert not torch.allclose(norm.running_vars[0], norm.running_vars[-1])
    # Standing statistics are about those of the images that are drawn with them.
    seen: dict[str, torch.Tensor] = {}
    norm = network.generator.bn
    norm.register_forward_pre_hook(lambda _, inputs: seen.update(x=inputs[0]))
    with torch.no_grad():
        generate(network, noise, labels, 1.0)
    assert torch.allclose(seen["x"].mean(dim=(0, 2, 3)), norm.running_means[-1], atol=0.5)


def test_weights_are_averaged(tmp_path: Path) -> None:
    one = _train(tmp_path / "a.pt", steps=8).network.state_dict()
    latest = BIGGAN.model_copy(update={"weight_averaging": 0.0})
    other = _train(tmp_path / "b.pt", steps=8, params=latest).network.state_dict()
    start = _train(
        tmp_path / "d.pt", steps=1, params=BIGGAN.model_copy(update={"generator_learning_rate": 1e-12})
    )
    name = "generator.conv_to_rgb.weight_orig"
    first = start.network.state_dict()[name]
    # The average lags behind the latest weights.
    assert 0 < (one[name] - first).norm() < (other[name] - first).norm()


def test_it_learns_which_class_is_white(tmp_path: Path) -> None:
    trained = _train(tmp_path / "c.pt", steps=80)
    noise, labels = truncated_noise(3, "x", 0, 16, 4, 1.0), torch.arange(16) % 2
    with torch.no_grad():
        means = generate(trained.network, noise, labels, 1.0).mean(dim=(1, 2, 3))
    assert means[labels == 0].mean() < -0.3
    assert means[labels == 1].mean() > 0.3
    assert all(np.isfinite(value) for row in trained.history for value in row.values())
