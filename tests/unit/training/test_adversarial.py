"""The game: its losses against their formulas, who learns from what, and the average of the weights."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from cgn.training.adversarial import Game, Refused, gradient_penalty

LABELS = torch.tensor([0, 1, 1, 0])


class Judge(nn.Module):
    """Logits that are linear in the pixels."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(3 * 4 * 4, 2)

    def forward(self, images: Tensor, labels: Tensor, groups: int = 1) -> Tensor:
        logits: Tensor = self.linear(images.flatten(1)).gather(1, labels[:, None])[:, 0]
        return logits


class Painter(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.image = nn.Parameter(torch.randn(3, 4, 4))

    def forward(self) -> Tensor:
        return self.image.expand(4, 3, 4, 4)


@pytest.fixture
def game() -> Game[Painter]:
    torch.manual_seed(0)
    return Game(Painter(), Judge(), (0.01, 0.02), (0.0, 0.99), weight_averaging=0.5)


def test_gradient_penalty_of_a_linear_critic() -> None:
    images = torch.randn(3, 3, 4, 4, requires_grad=True)
    weights = torch.randn(3, 4, 4)
    logits = (images * weights).sum(dim=(1, 2, 3))
    assert gradient_penalty(logits, images).item() == pytest.approx(weights.square().sum().item(), rel=1e-5)


def test_losses_are_those_of_the_formulas(game: Game[Painter]) -> None:
    real, refused = torch.randn(2, 4, 3, 4, 4)
    weights = torch.tensor([0.0, 1.0, 2.0, 0.5])
    judge, fake = game.discriminator, game.generator().detach().clone()
    of_real, of_fake, of_refused = (judge(images, LABELS).detach() for images in (real, fake, refused))
    slopes = judge.linear.weight.detach()[LABELS].square().sum(dim=1).mean()
    update = game.update(real, game.generator(), LABELS, 0.3, Refused(refused, weights), weight=2.0)

    assert update.discriminator.item() == pytest.approx(
        (
            functional.softplus(-of_real).mean()
            + functional.softplus(of_fake).mean()
            + (weights * functional.softplus(of_refused)).mean()
        ).item()
    )
    assert update.gradient_penalty.item() == pytest.approx(0.3 * slopes.item())
    assert update.real_logit.item() == pytest.approx(of_real.mean().item())
    assert update.fake_logit.item() == pytest.approx(of_fake.mean().item(), abs=1e-6)
    # The discriminator has moved before the generator's loss is taken.
    after = judge(fake, LABELS).detach()
    assert update.generator.item() == pytest.approx(2 * functional.softplus(-after).mean().item())


def test_each_player_moves_once_and_at_its_own_rate(game: Game[Painter]) -> None:
    """The first step of Adam is as long as its rate."""
    painted = game.generator.image.detach().clone()
    judged = {name: value.detach().clone() for name, value in game.discriminator.named_parameters()}
    update = game.update(torch.randn(4, 3, 4, 4), game.generator(), LABELS, penalty_weight=0.0)
    assert update.gradient_penalty.item() == 0
    assert torch.allclose((game.generator.image - painted).abs(), torch.full((3, 4, 4), 0.01), rtol=1e-3)
    moved = (game.discriminator.linear.weight - judged["linear.weight"]).abs()
    assert torch.allclose(moved, torch.full((2, 48), 0.02), rtol=1e-3)


def test_own_losses_teach_the_generator_alone(game: Game[Painter]) -> None:
    before = game.generator.image.detach().clone()
    own = -1e6 * game.generator.image.sum()
    game.update(torch.zeros(4, 3, 4, 4), game.generator(), LABELS, 0.0, own_losses=[own])
    assert torch.allclose(game.generator.image, before + 0.01, rtol=1e-3)


def test_the_average_follows_fast_at_first_and_then_with_its_memory(game: Game[Painter]) -> None:
    start = game.averaged.image.detach().clone()
    with torch.no_grad():
        game.generator.image.add_(1.0)
    game.average(0)  # a memory of 1 / 10
    assert torch.allclose(game.averaged.image, start + 0.9)
    game.average(1000)  # of weight_averaging
    assert torch.allclose(game.averaged.image, start + 0.95)
    assert not game.averaged.image.requires_grad
