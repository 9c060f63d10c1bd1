"""Standing statistics (Brock et al. 2019): what a trained BigGAN's batch norms use when it samples."""

import torch
from pytorch_pretrained_biggan import BigGAN
from torch import Tensor

from cgn.networks.biggan import generate, truncated_noise
from cgn.networks.biggan_batch_norm import BatchNorm
from cgn.seeding import indexed_integers


@torch.no_grad()
def collect_statistics(network: BigGAN, seed: int, batches: int, batch: int) -> None:
    """Set the stored statistics of each truncation to their mean over `batches` batches of `batch` images.

    Labels are uniform. A function of `seed` and the weights. Leaves the network in evaluation mode.
    """
    parameter = next(network.parameters())
    norms = [norm for norm in network.modules() if isinstance(norm, BatchNorm)]
    truncations = len(norms[0].running_means)
    collected: list[list[tuple[Tensor, Tensor]]] = [[] for _ in norms]
    network.eval()
    for norm in norms:
        norm.training = True  # not its spectral norms, which move in training with every batch
    for row in range(truncations):
        for index in range(batches):
            places = (index * batch, (index + 1) * batch)
            dimensions = network.config.z_dim
            noise = truncated_noise(seed, "statistics", *places, dimensions, row / (truncations - 1))
            labels = indexed_integers(seed, "statistics_labels", *places, network.config.num_classes)
            for norm in norms:
                norm.momentum = 1 / (index + 1)  # a running mean with equal weights
            generate(network, noise.to(parameter), torch.from_numpy(labels).to(parameter.device), 1.0)
        for norm, rows in zip(norms, collected, strict=True):
            rows.append((norm.running_means[0].clone(), norm.running_vars[0].clone()))
    for norm, rows in zip(norms, collected, strict=True):
        means, variances = zip(*rows, strict=True)
        norm.running_means.copy_(torch.stack(means))
        norm.running_vars.copy_(torch.stack(variances))
        norm.momentum = BatchNorm.momentum
    network.eval()
