from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from cgn.data.sources import Environments, FixedImages, Source
from cgn.errors import UserError
from cgn.methods.algorithm import Algorithm
from cgn.methods.augmentation import AugmentedERM
from cgn.methods.erm import ERM
from cgn.methods.group_dro import GroupDRO
from cgn.methods.irm import IRM
from cgn.methods.lntl import LNTL
from cgn.methods.params import AugmentationParams, ClassifierParams, GroupDROParams, IRMParams, LNTLParams
from cgn.methods.training import Run, steps_for, train, train_and_save
from cgn.networks.classifier import load_classifier
from cgn.networks.digit_cnn import DigitCNN
from cgn.training.checkpoint import Checkpoint
from tests.unit.killing import KilledError
from tests.unit.methods.conftest import Make

STEPS = 12
CPU = torch.device("cpu")


def _algorithm(name: str, schedule: ClassifierParams) -> Algorithm:
    if name == "irm":
        params = IRMParams(
            environments={"irm_2": [0.9, 1.0], "irm_5": [0.9, 1.0]},
            penalty=10.0,
            penalty_start=0.3,
            environment_batch=4,
            weight_decay=0.0,
        )
        return IRM(DigitCNN(0), STEPS, schedule, params)
    if name == "lntl":
        lntl = LNTLParams(bins=8, entropy_weight=0.1, reversal_weight=0.1, pretraining=0.4)
        return LNTL(DigitCNN(0), STEPS, schedule, lntl, 1, True)
    if name == "group_dro":
        group_dro = GroupDROParams(
            environments=[0.9, 1.0], step_size=0.1, environment_batch=4, weight_decay=0.0
        )
        return GroupDRO(DigitCNN(0), STEPS, schedule, group_dro)
    if name == "augmentation":
        augmentation = AugmentationParams(share=0.5, kernel_sizes=[1, 3])
        return AugmentedERM(DigitCNN(0), STEPS, schedule, augmentation, 1)
    return ERM(DigitCNN(0), STEPS, schedule)


def _run(folder: Path, name: str, schedule: ClassifierParams, make: Make, kill_at: int | None = None) -> None:
    images = make("colored_mnist", 1.0)
    algorithm = _algorithm(name, schedule)
    if name == "loaded":  # as `load_classifier` gives a network, ready to predict
        algorithm.network.eval()
    source: Source = FixedImages(images, 8, 0)
    if name in {"irm", "group_dro"}:
        source = Environments([images, make("colored_mnist", 0.9)], 4, 0)
    if kill_at is not None:
        _kill_at(algorithm, kill_at)
    checkpoint = Checkpoint(folder / "checkpoint.pt", "the same run", every_seconds=0)
    validation = type(images)(images.images[:50], images.labels[:50])
    train_and_save([Run(folder / "out", algorithm, source, checkpoint, "test")], validation, 1, CPU)


def _kill_at(algorithm: Algorithm, step: int) -> None:
    update: Callable[..., Any] = algorithm.update

    def failing(minibatches: Any) -> Any:
        if algorithm.step == step:
            raise KilledError
        return update(minibatches)

    algorithm.update = failing  # type: ignore[method-assign]


@pytest.mark.parametrize("name", ["erm", "irm", "group_dro", "lntl", "augmentation"])
def test_a_killed_run_ends_with_the_same_bytes(
    name: str, tmp_path: Path, schedule: ClassifierParams, make: Make
) -> None:
    straight, killed = tmp_path / "straight", tmp_path / "killed"
    _run(straight, name, schedule, make)
    for step in (2, 7):  # twice: inside the first part, and after a row of the history
        with pytest.raises(KilledError):
            _run(killed, name, schedule, make, kill_at=step)
        assert not (killed / "out").exists()
        assert (killed / "checkpoint.pt").exists()
    _run(killed, name, schedule, make)
    for file in ("weights.safetensors", "history.csv"):
        assert (killed / "out" / file).read_bytes() == (straight / "out" / file).read_bytes()
    assert not (killed / "checkpoint.pt").exists()


def test_a_loaded_network_is_trained_as_any_other(
    tmp_path: Path, schedule: ClassifierParams, make: Make
) -> None:
    weights = []
    for name in ("erm", "loaded"):
        _run(tmp_path / name, name, schedule, make)
        weights.append((tmp_path / name / "out" / "weights.safetensors").read_bytes())
    assert weights[0] == weights[1]


def test_history_has_a_row_for_every_part(tmp_path: Path, schedule: ClassifierParams, make: Make) -> None:
    images = make("colored_mnist", 1.0)
    algorithm = ERM(DigitCNN(0), STEPS, schedule)
    history = train(algorithm, FixedImages(images, 8, 0), images, Checkpoint(tmp_path / "c.pt", "x"), CPU)
    assert [row["epoch"] for row in history] == [1, 2, 3]
    assert [row["image_passes"] for row in history] == [32, 64, 96]
    assert all(np.isfinite(row["loss"]) and 0 <= row["validation_accuracy"] <= 100 for row in history)


def test_steps_spend_the_budget() -> None:
    assert steps_for(6400, 64, 10) == 100
    assert steps_for(64, 64, 10) == 10  # never fewer than one for each part


def test_saved_classifier_predicts_as_before(tmp_path: Path, schedule: ClassifierParams, make: Make) -> None:
    _run(tmp_path, "erm", schedule, make)
    images = make("wildlife_mnist", 1.0).images[:20]
    first, second = (load_classifier(tmp_path / "out", DigitCNN(0)) for _ in range(2))
    batch = torch.from_numpy(images)
    assert torch.equal(first.predict(batch), second.predict(batch))
    with pytest.raises(UserError, match="not the weights of this network"):
        load_classifier(tmp_path / "out", DigitCNN(0, channels=1))
    (tmp_path / "out" / "weights.safetensors").write_bytes(b"damaged")
    with pytest.raises(UserError, match="not a file of weights"):
        load_classifier(tmp_path / "out", DigitCNN(0))
    with pytest.raises(UserError, match="not found"):
        load_classifier(tmp_path / "nowhere", DigitCNN(0))
