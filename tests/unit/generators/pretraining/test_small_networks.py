"""U2-Net, VGG and segmenter: their trainings, and the scores that they get."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from cgn.generators.pretraining.scenes import Renders
from cgn.generators.pretraining.small_networks import (
    answer_scores,
    segmentation_scores,
    train_saliency,
    train_segmenter,
    train_vgg,
)
from cgn.io.pixels import from_bytes
from cgn.networks.u2net import Block, U2NetSizes
from cgn.networks.vgg import QUESTIONS
from cgn.training.checkpoint import Checkpoint
from cgn.training.params import NetworkTrainingParams

CPU = torch.device("cpu")
U2NET = U2NetSizes((Block(3, 4, 8), Block(3, 4, 8, dilated=True)), (Block(3, 4, 8),))
VGG = (8, "M", 8, "M", 8, "M", 8, "M")

Train = Callable[[int, int], nn.Module]  # of the seed and the image passes


@pytest.fixture(params=["u2net", "segmenter", "vgg"])
def train(
    request: pytest.FixtureRequest,
    arrays: dict[str, Any],
    renders: Renders,
    schedule: NetworkTrainingParams,
    tmp_path: Path,
) -> Train:
    def run(seed: int, passes: int) -> nn.Module:
        rest = (schedule, passes, seed, Checkpoint(tmp_path / f"{seed}.pt", f"{seed}", 1e9), CPU)
        (tmp_path / f"{seed}.pt").unlink(missing_ok=True)
        if request.param == "u2net":
            return train_saliency(renders, U2NET, *rest)
        if request.param == "segmenter":
            return train_segmenter(renders, (4, 8), *rest)
        answers = np.stack([arrays[question] for question in QUESTIONS], axis=1)
        return train_vgg(renders.images, answers, VGG, *rest)

    return run


def test_the_same_seed_gives_the_same_frozen_network(train: Train) -> None:
    first, same, other = (train(seed, 24).state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(value, same[name]) for name, value in first.items())
    assert any(not torch.equal(value, other[name]) for name, value in first.items())
    assert not any(parameter.requires_grad for parameter in train(0, 8).parameters())


def test_a_segmenter_learns_where_objects_are(
    arrays: dict[str, Any], renders: Renders, schedule: NetworkTrainingParams, tmp_path: Path
) -> None:
    checkpoint = Checkpoint(tmp_path / "c.pt", "x", 1e9)
    network = train_segmenter(renders, (8, 16), schedule, 480, 0, checkpoint, CPU)
    masks = network(from_bytes(torch.from_numpy(arrays["images"])))[:, 0]
    objects = torch.from_numpy(arrays["masks"]) > 127
    assert masks[objects].mean() > 1.5 * masks[~objects].mean()


class Brightness(nn.Module):
    """Calls object what is bright."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(0.5))

    def forward(self, images: Tensor) -> Tensor:
        return (images.mean(dim=1, keepdim=True) + 1) * self.scale


def test_scores_of_a_segmenter_that_is_right_and_of_one_that_is_wrong(arrays: dict[str, Any]) -> None:
    masks = arrays["masks"]
    colored = np.repeat(masks[..., None], 3, axis=3)
    right = {"images": colored, "masks": masks, "backgrounds": np.zeros_like(colored)}
    assert segmentation_scores(Brightness(), right) == {"mask_iou": 1.0, "background_residue": 0.0}
    bright = np.full_like(colored, 255)
    wrong = {"images": bright, "masks": masks, "backgrounds": bright}
    scores = segmentation_scores(Brightness(), wrong)
    assert scores["mask_iou"] == pytest.approx((masks > 127.5).mean())
    assert scores["background_residue"] == 100


def test_a_vgg_answers_questions_about_the_images_it_saw(
    arrays: dict[str, Any], schedule: NetworkTrainingParams, tmp_path: Path
) -> None:
    answers = np.stack([arrays[question] for question in QUESTIONS], axis=1)
    checkpoint = Checkpoint(tmp_path / "c.pt", "x", 1e9)
    network = train_vgg(arrays["images"], answers, VGG, schedule, 960, 0, checkpoint, CPU)
    scores = answer_scores(network, arrays)
    assert set(scores) == set(QUESTIONS)
    assert min(scores.values()) > 40  # 11 by chance
