"""Empirical risk minimisation: the mean cross-entropy.

Six methods are this algorithm on different data: `original`, `gan` and `cgn` (biased and generated images),
`cgn_only`, `cgn_abduction` and `oracle`.
"""

from collections.abc import Sequence

from torch.nn import functional

from cgn.data.sources import Minibatch, concatenate
from cgn.methods.algorithm import Algorithm, Setting


class ERM(Algorithm):
    """Empirical risk minimisation on all environments together."""

    def update(self, minibatches: Sequence[Minibatch]) -> dict[str, float]:
        """Updates by the cross-entropy. Returns "loss"."""
        images, labels = concatenate(minibatches)
        loss = functional.cross_entropy(self.compute(self.network, images), labels)
        self._descend(loss)
        return {"loss": loss.item()}


def build(setting: Setting) -> ERM:
    """Builds the algorithm for a setting."""
    return ERM(setting.network, setting.steps, setting.schedule)
