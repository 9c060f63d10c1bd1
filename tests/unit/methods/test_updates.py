"""What one update of IRM, Group DRO and LNTL descends, by automatic differentiation of the published sums."""

from copy import deepcopy

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from cgn.data.sources import Minibatch
from cgn.io.pixels import from_bytes
from cgn.methods.algorithm import Algorithm, Setting
from cgn.methods.group_dro import GroupDRO
from cgn.methods.group_dro import build as build_group_dro
from cgn.methods.irm import IRM, invariance_penalty
from cgn.methods.irm import build as build_irm
from cgn.methods.lntl import IGNORED, LNTL, entropy, quantized_colors
from cgn.methods.lntl import build as build_lntl
from cgn.methods.params import ClassifierParams, GroupDROParams, IRMParams, LNTLParams
from cgn.networks.digit_cnn import UNPADDED, DigitCNN

WEIGHT_DECAY = 0.25


@pytest.fixture
def environments() -> list[Minibatch]:
    """Two minibatches of random images, of different sizes."""
    draws = torch.Generator().manual_seed(0)
    return [
        Minibatch(
            torch.randint(256, (count, 32, 32, 3), generator=draws, dtype=torch.uint8),
            torch.randint(10, (count,), generator=draws),
        )
        for count in (8, 12)
    ]


def setting(params: object, schedule: ClassifierParams, black_ground: bool = False) -> Setting:
    return Setting(DigitCNN(0), 10, schedule, params, lambda purpose: sum(purpose.encode()), black_ground)


def risks_and_penalties(network: nn.Module, environments: list[Minibatch]) -> tuple[Tensor, Tensor]:
    logits = network(from_bytes(torch.cat([batch.images for batch in environments])))
    pairs = [(logits[:8], environments[0].labels), (logits[8:], environments[1].labels)]
    return tuple(
        torch.stack([of(z, labels) for z, labels in pairs])
        for of in (functional.cross_entropy, invariance_penalty)
    )  # type: ignore[return-value]


def assert_gradients(algorithm: Algorithm, network: nn.Module, loss: Tensor) -> None:
    """The network's gradient of the update equals that of `loss`, computed with its copy from before."""
    expected = torch.autograd.grad(loss, list(network.parameters()))
    for ours, theirs in zip(algorithm.network.parameters(), expected, strict=True):
        torch.testing.assert_close(ours.grad, theirs, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize(("done", "weight"), [(2, 0.0), (6, 20.0), (4, 0.2)])
def test_irm_descends_risk_and_penalty(
    done: int, weight: float, schedule: ClassifierParams, environments: list[Minibatch]
) -> None:
    penalty = {0.0: 40.0, 20.0: 40.0, 0.2: 0.8}[weight]  # it rises from the share 0.2, to 0.4 at 0.6 …
    params = IRMParams(
        environments={"irm_2": [0.9, 1.0], "irm_5": [0.9, 1.0]},
        penalty=penalty,
        penalty_start=0.2,
        environment_batch=12,
        weight_decay=WEIGHT_DECAY,
    )
    algorithm = build_irm(setting(params, schedule))
    assert isinstance(algorithm, IRM)
    assert algorithm.state()["optimizer"]["param_groups"][0]["weight_decay"] == WEIGHT_DECAY
    algorithm.step = done
    network = deepcopy(algorithm.network)
    risks, penalties = risks_and_penalties(network, environments)
    told = algorithm.update(environments)
    assert told["weight"] == pytest.approx(weight)
    assert told["loss"] == pytest.approx(risks.mean().item())
    assert told["penalty"] == pytest.approx(penalties.mean().item(), rel=1e-4)
    whole = (risks.mean() + weight * penalties.mean()) / max(1.0, weight)
    assert_gradients(algorithm, network, whole)


def test_group_dro_weighs_environments_by_their_losses(
    schedule: ClassifierParams, environments: list[Minibatch]
) -> None:
    params = GroupDROParams(
        environments=[0.9, 1.0], step_size=2.0, environment_batch=12, weight_decay=WEIGHT_DECAY
    )
    algorithm = build_group_dro(setting(params, schedule))
    assert isinstance(algorithm, GroupDRO)
    assert algorithm.state()["optimizer"]["param_groups"][0]["weight_decay"] == WEIGHT_DECAY
    weights = torch.tensor([0.5, 0.5])
    assert torch.equal(algorithm.state()["weights"], weights)
    for _ in range(2):
        network = deepcopy(algorithm.network)
        risks, _ = risks_and_penalties(network, environments)
        told = algorithm.update(environments)
        weights = weights * (2.0 * risks.detach()).exp()
        weights = weights / weights.sum()
        torch.testing.assert_close(algorithm.state()["weights"], weights)
        assert told["loss"] == pytest.approx(risks.mean().item())
        assert told["worst"] == pytest.approx(risks.max().item())
        assert_gradients(algorithm, network, (weights * risks).sum())


@pytest.mark.parametrize("unlearning", [True, False])
def test_lntl_descends_label_colours_and_entropy(
    unlearning: bool, schedule: ClassifierParams, environments: list[Minibatch]
) -> None:
    params = LNTLParams(
        bins=8, entropy_weight=0.5, reversal_weight=0.25, pretraining=0.3 if unlearning else 0.31
    )
    minibatch = environments[0]
    minibatch.images[:, 3, 3] = 0  # the first cell is black
    algorithm = build_lntl(setting(params, schedule, black_ground=True))
    assert isinstance(algorithm, LNTL)
    algorithm.step = 3
    network, heads = deepcopy(algorithm.network), deepcopy(algorithm._heads)
    assert isinstance(network, DigitCNN)
    told = algorithm.update([minibatch])

    features = network.features(from_bytes(minibatch.images))
    colors = quantized_colors(minibatch.images, UNPADDED, 8, ignore_black=True)
    assert (colors[:, :, 0, 0] == IGNORED).all()
    label_loss = functional.cross_entropy(network.classify(features), minibatch.labels)
    color_loss = functional.cross_entropy(heads(features), colors, ignore_index=IGNORED)
    color_entropy = entropy(heads(features), colors != IGNORED)
    assert told == {
        "loss": pytest.approx(label_loss.item()),
        "color_loss": pytest.approx(color_loss.item()),
        "color_entropy": pytest.approx(color_entropy.item()),
    }
    of_heads = torch.autograd.grad(color_loss, list(heads.parameters()), retain_graph=True)
    for ours, theirs in zip(algorithm._heads.parameters(), of_heads, strict=True):
        torch.testing.assert_close(ours.grad, theirs, rtol=1e-4, atol=1e-7)
    whole = label_loss - (0.25 * color_loss + 0.5 * color_entropy if unlearning else 0)
    assert_gradients(algorithm, network, whole)


def test_lntl_has_heads_of_its_own_seed_and_reads_digits_only(schedule: ClassifierParams) -> None:
    params = LNTLParams(bins=8, entropy_weight=0.5, reversal_weight=0.25, pretraining=0.0)
    made = setting(params, schedule)
    torch.manual_seed(5)  # has no effect on the heads, and building has none on it
    first = build_lntl(made)
    drawn = torch.rand(1)
    second, other = (
        LNTL(DigitCNN(0), 10, schedule, params, sum(b"heads"), False),
        build_lntl(made._replace(seed_of=lambda _: 9)),
    )
    torch.manual_seed(5)
    assert torch.equal(drawn, torch.rand(1))
    same = [
        torch.equal(a, b) for a, b in zip(first._heads.parameters(), second._heads.parameters(), strict=True)
    ]
    assert all(same)
    assert not torch.equal(first._heads.out.weight, other._heads.out.weight)
    with pytest.raises(TypeError, match=r"LNTL reads features of the digits' CNN, not of Linear"):
        build_lntl(made._replace(network=nn.Linear(1, 1)))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["irm", "group_dro"])
def test_a_loaded_state_goes_on(name: str, schedule: ClassifierParams, environments: list[Minibatch]) -> None:
    def made() -> Algorithm:
        if name == "irm":
            correlations = {"irm_2": [0.9, 1.0], "irm_5": [0.9, 1.0]}
            return build_irm(
                setting(
                    IRMParams(
                        environments=correlations,
                        penalty=1.0,
                        penalty_start=0.0,
                        environment_batch=12,
                        weight_decay=0.0,
                    ),
                    schedule,
                )
            )
        params = GroupDROParams(
            environments=[0.9, 1.0], step_size=2.0, environment_batch=12, weight_decay=0.0
        )
        return build_group_dro(setting(params, schedule))

    straight, resumed = made(), made()
    for _ in range(3):
        straight.update(environments)
    resumed.load_state(deepcopy(straight.state()))
    assert straight.update(environments) == resumed.update(environments)
    for ours, theirs in zip(straight.network.parameters(), resumed.network.parameters(), strict=True):
        np.testing.assert_array_equal(ours.detach().numpy(), theirs.detach().numpy())
