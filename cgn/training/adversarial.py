"""Adversarial training of a generator against a class-conditional discriminator.

The losses are the non-saturating logistic ones (Goodfellow et al. 2014), with an R1 penalty (Mescheder et al.
2018) at some steps. The discriminator sees real and generated images in one call, and both networks learn
from the same generated images. An exponential average of the generator's weights is kept.
"""

import copy
import math
from collections.abc import Iterable
from functools import partial
from typing import Any, Generic, NamedTuple, TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim.swa_utils import get_ema_multi_avg_fn

from cgn.training import joint
from cgn.training.optimizers import Adam

# Its loss, without the penalty. Below, it tells nearly every image apart, and the generator learns nothing.
DISCRIMINATOR = (0.01, math.inf)

Generator = TypeVar("Generator", bound=nn.Module)


class Refused(NamedTuple):
    """Further images, without gradient, that the discriminator learns to refuse."""

    images: Tensor  # (n, 3, r, r) in [-1, 1]
    weights: Tensor  # (n,) in the discriminator's loss, 0 or more


class Update(NamedTuple):
    """The losses and mean logits of one update of both networks."""

    discriminator: Tensor  # its loss without the penalty
    gradient_penalty: Tensor  # weighted; 0 if it was not computed
    generator: Tensor  # its adversarial loss, weighted
    real_logit: Tensor  # mean over the batch
    fake_logit: Tensor


def gradient_penalty(real_logits: Tensor, real_images: Tensor) -> Tensor:
    """R1: the mean over real images (n, c, h, w) of the squared norm of d logit / d image."""
    (gradient,) = torch.autograd.grad(real_logits.sum(), real_images, create_graph=True)
    return gradient.square().sum(dim=(1, 2, 3)).mean()


class Game(Generic[Generator]):
    """Generator and discriminator, an Adam optimizer for each, and the average of the generator's weights."""

    def __init__(
        self,
        generator: Generator,
        discriminator: nn.Module,  # (images, labels, groups) -> logits; see `cgn.networks.discriminators`
        learning_rates: tuple[float, float],  # of the generator and of the discriminator
        betas: tuple[float, float],
        weight_averaging: float,  # decay of the average, in [0, 1)
    ) -> None:
        """Both networks must already be on the device where they are trained."""
        self.generator, self.discriminator = generator, discriminator
        self.averaged = copy.deepcopy(generator).requires_grad_(False)
        self.weight_averaging = weight_averaging
        # `ReplayedUpdate` records updates on a GPU, for which Adam has to be capturable.
        on_gpu = next(generator.parameters()).device.type == "cuda"
        adam = partial(Adam, betas=betas, fused=True, capturable=on_gpu)
        rate_g, rate_d = learning_rates
        self.optimizer_g = adam(generator.parameters(), rate_g)
        self.optimizer_d = adam(discriminator.parameters(), rate_d)

    def parts(self) -> dict[str, Any]:
        """The networks and optimizers by name, for `Loop.keep`."""
        return {
            "generator": self.generator,
            "discriminator": self.discriminator,
            "averaged": self.averaged,
            "optimizer_g": self.optimizer_g,
            "optimizer_d": self.optimizer_d,
        }

    def update(
        self,
        real: Tensor,  # images (n, 3, r, r) in [-1, 1]
        fake: Tensor,  # n images of the generator, with gradient
        labels: Tensor,  # (n,) classes of both
        penalty_weight: float,  # of R1; at 0 it is not computed
        refused: Refused | None = None,  # n images of the same classes
        weight: float = 1.0,  # of the generator's adversarial loss
        own_losses: Iterable[Tensor] = (),  # further losses of the generator, weighted
    ) -> Update:
        """Updates the discriminator, then the generator, on the same images.

        Of several ranks, each has an equal part of the batch, and gradients are the means over all.
        """
        self.discriminator.requires_grad_(True)
        real.requires_grad_(penalty_weight > 0)
        shown = [real, fake.detach()]
        if refused is not None:
            shown.append(refused.images)
        logits = self.discriminator(torch.cat(shown), labels.repeat(len(shown)), groups=len(shown))
        real_logits, fake_logits, *refused_logits = logits.chunk(len(shown))
        loss_d = functional.softplus(-real_logits).mean() + functional.softplus(fake_logits).mean()
        if refused is not None:
            loss_d = loss_d + (refused.weights * functional.softplus(refused_logits[0])).mean()
        penalty = torch.zeros_like(loss_d)
        if penalty_weight > 0:
            penalty = penalty_weight * gradient_penalty(real_logits, real)
        self.optimizer_d.zero_grad()
        torch.autograd.backward(loss_d + penalty)
        joint.reduce_gradients(self.discriminator.parameters(), "mean")
        self.optimizer_d.step()

        self.discriminator.requires_grad_(False)
        loss_g = weight * functional.softplus(-self.discriminator(fake, labels)).mean()
        self.optimizer_g.zero_grad()
        torch.autograd.backward(torch.stack([loss_g, *own_losses]).sum())
        joint.reduce_gradients(self.generator.parameters(), "mean")
        self.optimizer_g.step()
        return Update(loss_d, penalty, loss_g, real_logits.mean(), fake_logits.mean())

    def average(self, step: int) -> None:
        """Moves the averaged weights towards the generator's, after step 0, 1, ...; faster at the start."""
        memory = min(self.weight_averaging, (1 + step) / (10 + step))
        follow = get_ema_multi_avg_fn(memory)  # type: ignore[no-untyped-call]
        follow(list(self.averaged.parameters()), list(self.generator.parameters()), None)
