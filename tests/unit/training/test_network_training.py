from itertools import pairwise
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from cgn.training.checkpoint import Checkpoint
from cgn.training.network import train_network
from cgn.training.params import NetworkTrainingParams
from tests.unit.killing import KilledError


@pytest.fixture
def schedule() -> NetworkTrainingParams:
    return NetworkTrainingParams(batch=8, learning_rate=0.01, warmup=0.1)


def build(seed: int) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 1, 3))


def train(
    network: nn.Module, schedule: NetworkTrainingParams, path: Path, steps: int = 12, kill_at: int = -1
) -> list[float]:
    """Learns to tell bright images; returns the losses."""
    losses = []

    def batch_loss(step: int) -> Tensor:
        if step == kill_at:
            raise KilledError
        images = torch.randn(8, 3, 8, 8, generator=torch.Generator().manual_seed(step))
        loss = (network(images).mean(dim=(1, 2, 3)) - images.mean(dim=(1, 2, 3))).square().mean()
        losses.append(loss.item())
        return loss

    checkpoint = Checkpoint(path, "the same run", every_seconds=0)
    train_network(network, batch_loss, 8 * steps, schedule, checkpoint, "test")
    return losses


def test_a_killed_run_ends_the_same(schedule: NetworkTrainingParams, tmp_path: Path) -> None:
    straight = build(0)
    train(straight, schedule, tmp_path / "straight.pt")
    with pytest.raises(KilledError):
        train(build(0), schedule, tmp_path / "killed.pt", kill_at=7)
    resumed = build(5)  # its own weights do not matter
    train(resumed, schedule, tmp_path / "killed.pt")
    for name, value in straight.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name


def test_it_learns_and_is_frozen_afterwards(schedule: NetworkTrainingParams, tmp_path: Path) -> None:
    network = build(0)
    losses = train(network, schedule, tmp_path / "c.pt", steps=100)
    assert sum(losses[-10:]) < 0.3 * sum(losses[:10])
    assert not network.training
    assert not any(parameter.requires_grad for parameter in network.parameters())


def test_the_rate_rises_and_falls(tmp_path: Path) -> None:
    """With a constant gradient Adam's steps are as long as its rate."""
    network = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(network.weight)
    places: list[float] = []

    def batch_loss(step: int) -> Tensor:
        places.append(network.weight.item())
        return network.weight.sum()

    schedule = NetworkTrainingParams(batch=2, learning_rate=0.1, warmup=0.25)
    train_network(network, batch_loss, 2 * 20, schedule, Checkpoint(tmp_path / "c.pt", "x"), "test")
    lengths = [before - after for before, after in pairwise(places)]
    assert lengths[:5] == pytest.approx([0.02, 0.04, 0.06, 0.08, 0.1], rel=1e-3)
    assert lengths[5:] == sorted(lengths[5:], reverse=True)
    assert lengths[-1] < 0.01
