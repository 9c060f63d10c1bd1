"""BigGAN's batch norm that learns its statistics.

The one of `pytorch-pretrained-biggan` holds statistics for a row of truncations (0 to 1) and never updates
them: with it no generator can be trained from scratch.
"""

import torch
from pytorch_pretrained_biggan.model import BigGANBatchNorm
from torch import Tensor
from torch.nn import functional


class BatchNorm(BigGANBatchNorm):  # type: ignore[misc]  # the package has no types
    """Batch norm of (n, c, h, w), its scale and offset conditional on noise and class, or learnt.

    While training it uses the batch's statistics, whatever the truncation, and lets those of all truncations
    follow with `momentum`; `collect_statistics` then tells them apart. In evaluation mode it uses the stored
    ones of the truncation (0 to 1), interpolated between neighbours: the package swaps the two weights there.
    """

    momentum = 0.1

    def forward(self, x: Tensor, truncation: float, condition_vector: Tensor | None = None) -> Tensor:
        if self.training:
            with torch.no_grad():
                variance, mean = torch.var_mean(x.float(), dim=(0, 2, 3))
                self.running_means.lerp_(mean, self.momentum)
                self.running_vars.lerp_(variance, self.momentum)
            x = functional.batch_norm(x, None, None, training=True, eps=self.eps)
        else:
            position = truncation * (len(self.running_means) - 1)
            lower = min(int(position), len(self.running_means) - 2)
            mean, variance = (
                torch.lerp(rows[lower], rows[lower + 1], position - lower)
                for rows in (self.running_means, self.running_vars)
            )
            x = functional.batch_norm(x, mean, variance, eps=self.eps)
        if self.conditional:
            scale, offset = 1 + self.scale(condition_vector), self.offset(condition_vector)
        else:
            scale, offset = self.weight[None], self.bias[None]
        return torch.addcmul(offset[:, :, None, None], x, scale[:, :, None, None])
