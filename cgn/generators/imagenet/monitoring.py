"""What the training of an ImageNet CGN shows as it goes: a fixed-noise sheet and an Inception Score."""

import torch
from torch import Tensor, nn

from cgn.generators.imagenet.mechanisms import ImageNetCGN, Outputs
from cgn.io.pixels import to_bytes
from cgn.metrics.inception_score import inception_score
from cgn.networks.biggan import truncated_noise
from cgn.seeding import indexed_integers

# Shares of the training after which there is a snapshot.
SNAPSHOTS = (0.0, 0.05, 0.1, 0.2, 0.4, 0.7, 1.0)
SHEET_CLASSES = 9  # at most
_BATCH = 20  # composites at once


def snapshot(cgn: ImageNetCGN, judge: nn.Module, scored: int, seed: int, step: int) -> dict[str, Tensor]:
    """All outputs for one fixed noise of up to nine classes, uint8 (classes, r, r, 3), by name; with them

    `step`, and `inception_score`: that of `scored` composites under `judge`, which maps images (n, 3, r, r)
    in [-1, 1] to logits. Such a score is biased by its few images; those of one training can be compared.
    """
    labels = torch.arange(min(SHEET_CLASSES, cgn.sizes.classes))
    outputs = _outputs(cgn, seed, "cgn/sheet", 0, labels)
    images = outputs._replace(mask=(outputs.mask * 2 - 1).expand_as(outputs.premask))
    sheet = {name: torch.from_numpy(to_bytes(image.cpu())) for name, image in images._asdict().items()}
    score = torch.tensor(_score(cgn, judge, scored, seed), dtype=torch.float32)
    return sheet | {"step": torch.tensor(step), "inception_score": score}


def _score(cgn: ImageNetCGN, judge: nn.Module, scored: int, seed: int) -> float:
    probabilities = []
    for start in range(0, scored, _BATCH):
        stop = min(start + _BATCH, scored)
        labels = indexed_integers(seed, "cgn/monitor/labels", start, stop, cgn.sizes.classes)
        outputs = _outputs(cgn, seed, "cgn/monitor/noise", start, torch.from_numpy(labels))
        with torch.no_grad():
            probabilities.append(judge(outputs.composite).softmax(dim=1).cpu())
    return inception_score(torch.cat(probabilities).numpy(), splits=1)


@torch.no_grad()
def _outputs(cgn: ImageNetCGN, seed: int, name: str, start: int, labels: Tensor) -> Outputs:
    device = next(cgn.parameters()).device
    stop, dimensions = start + len(labels), cgn.sizes.noise_dimensions
    noise = truncated_noise(seed, name, start, stop, dimensions, cgn.truncation)
    outputs: Outputs = cgn.together(noise.to(device), labels.to(device))
    return outputs
