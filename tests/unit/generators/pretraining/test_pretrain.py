"""All networks one after the other, as the stage and `make pretrain` train them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from cgn.generators.params import BigGANBudget, PretrainingBudget, PretrainingParams
from cgn.generators.pretraining.networks import SCORES, pretrain
from cgn.generators.pretraining.stored import load_cgan, weights_file
from cgn.io.files import read_json
from cgn.networks.biggan import sizes_of
from cgn.training.checkpoint import Checkpoint
from cgn.training.params import NetworkTrainingParams, TrainingBudget
from tests.unit.generators.pretraining.conftest import BIGGAN


@pytest.fixture
def params(schedule: NetworkTrainingParams) -> PretrainingParams:
    few = TrainingBudget(image_passes=16)
    return PretrainingParams(
        biggan=BIGGAN,
        u2net=schedule,
        vgg=schedule,
        segmenter=schedule,
        world_images=8,
        budget=PretrainingBudget(
            renders=20,
            held_out=10,
            biggan=BigGANBudget(steps=1, batch=2),
            u2net=few,
            vgg=few,
            segmenter=few,
        ),
    )


def test_networks_are_stored_scored_and_kept(
    params: PretrainingParams, arrays: dict[str, Any], tmp_path: Path
) -> None:
    folder = tmp_path / "pretrained"
    folder.mkdir()

    def world() -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        return arrays["images"], arrays["labels"]

    def run(*names: str) -> None:
        def checkpoint(name: str) -> Checkpoint:
            return Checkpoint(tmp_path / f"{name}.pt", name, every_seconds=1e9)

        pretrain(folder, names, world, 32, params, params.budget, 0, checkpoint, torch.device("cpu"))

    run("vgg", "u2net")
    vgg = weights_file(folder, "vgg").read_bytes()
    scores = read_json(folder / SCORES)
    assert set(scores) == {"u2net", "vgg"}
    assert set(scores["u2net"]) == {"held_out_poses", "glyphs_of_the_world"}
    assert 0 <= scores["u2net"]["held_out_poses"]["mask_iou"] <= 1
    # A later run of others leaves them as they are.
    run("segmenter")
    run("biggan")  # which needs no renders
    assert weights_file(folder, "vgg").read_bytes() == vgg
    after = read_json(folder / SCORES)
    assert set(after) == {"u2net", "vgg", "segmenter"}
    assert after["vgg"] == scores["vgg"]
    sizes = sizes_of(load_cgan(folder))
    assert sizes.resolution == 32
    assert sizes.classes == 9
