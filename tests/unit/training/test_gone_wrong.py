"""A training that goes wrong stops with the step and the quantity, and its last good checkpoint stays."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from cgn.data.sources import FixedImages, Images
from cgn.errors import UserError
from cgn.generators.mnist import adversarial
from cgn.generators.mnist.mechanisms import ShapeMechanism
from cgn.generators.mnist.training import train_cgn
from cgn.generators.params import CGNParams, GeneratorBudget
from cgn.methods.algorithm import Setting
from cgn.methods.erm import build
from cgn.methods.training import Run, train_and_save
from cgn.networks.digit_cnn import DigitCNN
from cgn.params.reading import read
from cgn.params.schema import Params
from cgn.training import loop as loops
from cgn.training.checkpoint import Checkpoint
from cgn.training.loop import LASTING, Loop

STEPS = 3 * LASTING
CPU = torch.device("cpu")


def steps_of(path: Path, look: Callable[[Loop, int, nn.Linear], None]) -> list[int]:
    """The steps that a training begins, in which `look` is called; a checkpoint is saved before each."""
    network = nn.Linear(2, 1)
    loop = Loop(STEPS, Checkpoint(path, "x", every_seconds=0), "generator of wildlife")
    loop.keep(network=network)
    begun = []
    for step in loop:
        begun.append(step)
        look(loop, step, network)
    return begun


def step_saved(path: Path) -> int:
    state = Checkpoint(path, "x").load()
    assert state is not None
    assert all(value.isfinite().all() for value in state["kept"]["network"].values())
    return int(state["step"])


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("how", ["a number", "a tensor", "watched"])
def test_a_loss_that_is_no_number(how: str, value: float, tmp_path: Path) -> None:
    def look(loop: Loop, step: int, network: nn.Linear) -> None:
        now = value if step == 7 else 1.0
        if how == "watched":
            loop.watch("loss", now, (0, 2))
        else:
            loop.record(loss=now if how == "a number" else torch.tensor(now))
            loop.add_row(step=loop.done)

    with pytest.raises(UserError) as failure:
        steps_of(tmp_path / "c.pt", look)
    kept = f"the last good checkpoint stays in {tmp_path / 'c.pt'}"
    assert str(failure.value).startswith(
        f"generator of wildlife: stopped at step 8 of {STEPS}: loss is {value} ({kept}); lower its learning"
    )
    assert step_saved(tmp_path / "c.pt") == 7


def test_weights_that_are_no_numbers_are_not_saved(tmp_path: Path) -> None:
    """The loss is recorded at few steps, so the weights may break before it does."""

    def look(loop: Loop, step: int, network: nn.Linear) -> None:
        if step == 7:
            nn.init.constant_(network.bias, float("nan"))

    with pytest.raises(UserError, match=r"step 8 of 60: network\.bias is not finite \(the last good"):
        steps_of(tmp_path / "c.pt", look)
    assert step_saved(tmp_path / "c.pt") == 7


def test_what_is_out_of_its_range_for_long_ends_the_training(tmp_path: Path) -> None:
    def look(loop: Loop, step: int, network: nn.Linear) -> None:
        loop.watch("the mean of the masks", torch.tensor(0.0 if step >= 5 else 0.2), (0.001, 0.999))

    with pytest.raises(UserError, match=rf"step {5 + LASTING} of 60: the mean of the masks is 0, out of"):
        steps_of(tmp_path / "c.pt", look)
    assert step_saved(tmp_path / "c.pt") == 5


def test_what_recovers_goes_on(tmp_path: Path) -> None:
    def look(loop: Loop, step: int, network: nn.Linear) -> None:
        loop.watch("discriminator", 0.0 if step % LASTING else 1.0, (0.01, float("inf")))

    assert steps_of(tmp_path / "c.pt", look) == list(range(STEPS))


@pytest.fixture
def params(root: Path) -> Params:
    return read(root)


def train_a_cgn(params: Params, folder: Path, **changed: Any) -> None:
    """Rows are of every step, so that LASTING rows are quickly over."""
    images = np.random.default_rng(0).integers(256, size=(40, 32, 32, 3), dtype=np.uint8)
    of_cgn = {name: value for name, value in changed.items() if name in CGNParams.model_fields}
    rates = {name: value for name, value in changed.items() if name not in of_cgn}
    own = params.mnist.cgn.of("wildlife_mnist").model_copy(update={"texture_start": "plain"} | of_cgn)
    budget = GeneratorBudget(width=4, noise_dimensions=10, discriminator_width=8, steps=40, batch=8)
    folder.mkdir()
    train_cgn(
        folder, images, np.arange(40, dtype=np.uint8) % 10, own,
        params.mnist.adversarial.model_copy(update=rates), budget, 0, Checkpoint(folder / "c.pt", "x"), CPU,
    )  # fmt: skip


@pytest.fixture
def _every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Loop, "every", lambda loop, interval: True)
    monkeypatch.setattr(loops, "LASTING", 5)


def test_a_rate_too_high_breaks_the_generator(params: Params, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"generator: stopped at step \d+ of 40: .*(nan|inf|not finite)"):
        train_a_cgn(params, tmp_path / "cgn", learning_rate=1e18)
    assert not list((tmp_path / "cgn").iterdir())


@pytest.mark.usefixtures("_every_step")
@pytest.mark.parametrize("value", [0.0, 1.0])
def test_masks_that_have_collapsed(
    value: float, params: Params, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = torch.full((8, 1, 32, 32), value)
    monkeypatch.setattr(ShapeMechanism, "start_masks", lambda mechanism, count: start)
    with pytest.raises(UserError, match=rf"step 5 of 40: the mean of the masks is {value:g}, out of"):
        train_a_cgn(params, tmp_path / "cgn", mask_warmup=1.0)
    train_a_cgn(params, tmp_path / "ablation", mask_warmup=1.0, lambda_mask=0.0)


@pytest.mark.usefixtures("_every_step")
def test_a_discriminator_that_has_won(
    params: Params, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Winner(adversarial.DigitDiscriminator):
        """Real images come first, and it knows."""

        def forward(self, images: torch.Tensor, labels: torch.Tensor, groups: int = 1) -> torch.Tensor:
            logits = super().forward(images, labels, groups)
            return logits + 40 * (torch.arange(len(logits)) < 8).float() - 20

    monkeypatch.setattr(adversarial, "DigitDiscriminator", Winner)
    with pytest.raises(UserError, match=r"step 5 of 40: the discriminator's loss is .*, out of 0.01 to inf"):
        train_a_cgn(params, tmp_path / "cgn")


def test_classifiers_that_break_write_nothing(params: Params, tmp_path: Path) -> None:
    images = Images(
        np.random.default_rng(0).integers(256, size=(40, 32, 32, 3), dtype=np.uint8), np.arange(40) % 10
    )
    schedule = params.mnist.classifier.model_copy(update={"learning_rate": 1e30})
    setting = Setting(DigitCNN(0), 20, schedule, None, lambda name: 0, False)
    source, checkpoint = FixedImages(images, 8, 0, "x"), Checkpoint(tmp_path / "c.pt", "x")
    run = Run(tmp_path / "out", build(setting), source, checkpoint, "original of wildlife")
    with pytest.raises(UserError, match=r"original of wildlife: stopped at step \d+ of 20: loss is (na|in)"):
        train_and_save([run], images, 1, CPU)
    assert not (tmp_path / "out").exists()
