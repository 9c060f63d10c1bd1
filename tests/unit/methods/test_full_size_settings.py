"""The settings of full-size trainings: SGD, bfloat16, the layout in memory, the statistics of batch norms."""

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torchvision.models import resnet18

from cgn.data.sources import Minibatch
from cgn.methods.erm import ERM
from cgn.methods.params import ImageNetClassifierParams
from cgn.networks.backbones import OneHead, PublishedBackbone, set_up


def schedule(**changes: Any) -> ImageNetClassifierParams:
    values = {"batch": 4, "optimizer": "sgd", "learning_rate": 0.1, "warmup": 0.0, "decays": 2}
    values |= {"learning_rate_decay": 0.1, "decay_after": [0.5], "weight_decay": 0.01, "start": "resnet18"}
    values |= {"channels": [4], "mirror": True, "precision": "fp32", "channels_last": True}
    return ImageNetClassifierParams.model_validate(values | {"frozen_statistics": True} | changes)


def network() -> OneHead:
    torch.manual_seed(0)
    features = resnet18()
    features.fc = nn.Identity()
    return OneHead(PublishedBackbone(features, [0.5] * 3, [0.25] * 3), nn.Linear(512, 3))


@pytest.fixture
def minibatch() -> Minibatch:
    torch.manual_seed(1)
    return Minibatch(torch.randint(256, (4, 32, 32, 3), dtype=torch.uint8), torch.tensor([0, 1, 2, 0]))


def algorithm_of(params: ImageNetClassifierParams) -> ERM:
    trained = network()
    set_up(trained, params.frozen_statistics, params.channels_last)
    trained.train()
    return ERM(trained, 4, params, params.weight_decay, precision=params.precision)


def test_sgd_with_momentum_weight_decay_and_steps(minibatch: Minibatch) -> None:
    """v <- 0.9 v + g + 0.01 w; w <- w - rate v, with a tenth of the rate after half of the updates."""
    algorithm = algorithm_of(schedule())
    weight = algorithm.network.linear.weight
    expected, velocity = weight.detach().clone(), torch.zeros_like(weight)
    for rate in (0.1, 0.1, 0.01, 0.01):
        algorithm.update([minibatch])
        assert weight.grad is not None
        velocity = 0.9 * velocity + weight.grad + 0.01 * expected
        expected = expected - rate * velocity
        torch.testing.assert_close(weight.detach(), expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("frozen", [True, False])
def test_statistics_of_batch_norms(frozen: bool, minibatch: Minibatch) -> None:
    algorithm = algorithm_of(schedule(frozen_statistics=frozen))
    norm = algorithm.network.backbone.network.bn1
    before, weights = copy.deepcopy(norm.state_dict()), norm.weight.detach().clone()
    algorithm.update([minibatch])
    same = all(
        torch.equal(value, before[name]) for name, value in norm.state_dict().items() if "running" in name
    )
    assert same == frozen
    assert not torch.equal(norm.weight, weights)  # which learn in both
    algorithm.network.predict(minibatch.images)  # in evaluation mode, and back
    assert algorithm.network.backbone.network.training == (not frozen)


@pytest.mark.parametrize("channels_last", [True, False])
def test_the_layout_of_images_in_memory(channels_last: bool, minibatch: Minibatch) -> None:
    algorithm = algorithm_of(schedule(channels_last=channels_last))
    seen: list[Tensor] = []
    first = algorithm.network.backbone.network.conv1
    first.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    algorithm.update([minibatch])
    for tensor in (seen[0], first.weight):
        assert tensor.is_contiguous(memory_format=torch.channels_last) == channels_last
        assert tensor.is_contiguous() == (not channels_last)


def test_bfloat16_keeps_weights_and_losses_in_float32(minibatch: Minibatch) -> None:
    gradients = []
    for precision in ("fp32", "bf16"):
        algorithm = algorithm_of(schedule(precision=precision))
        seen: list[Tensor] = []
        algorithm.network.backbone.network.conv1.register_forward_hook(
            lambda *found, to=seen: to.append(found[2])
        )
        algorithm.update([minibatch])
        assert seen[0].dtype == (torch.bfloat16 if precision == "bf16" else torch.float32)
        assert {parameter.dtype for parameter in algorithm.network.parameters()} == {torch.float32}
        grads = [parameter.grad.flatten() for parameter in algorithm.network.parameters()]
        gradients.append(torch.cat(grads))
    assert torch.nn.functional.cosine_similarity(*gradients, dim=0) > 0.98
