from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from cgn.generators.imagenet.losses import cgn_losses, gradient_shares
from cgn.generators.imagenet.mechanisms import ImageNetCGN
from cgn.generators.imagenet.patches import draw_ranks
from cgn.generators.imagenet.training import TrainedCGN, batch_losses, draw_batch, train_cgn
from cgn.generators.params import ImageNetCGNBudget, ImageNetCGNParams
from cgn.networks.biggan import build_biggan, generate, truncated_noise
from cgn.networks.vgg import PerceptualFeatures
from cgn.training.checkpoint import Checkpoint
from tests.unit.generators.imagenet.conftest import TINY
from tests.unit.killing import KilledError

Make = Callable[[int], ImageNetCGN]
JUDGE = nn.Sequential(nn.Flatten(), nn.Linear(3 * 16 * 16, 2))
BUDGET = ImageNetCGNBudget(steps=6, batch=2, accumulation=2, precision="fp32")


def _train(
    cgn: ImageNetCGN, features: PerceptualFeatures, params: ImageNetCGNParams, path: Path, kill_at: int = -1
) -> TrainedCGN:
    checkpoint = Checkpoint(path, "the same run", every_seconds=0)
    save = checkpoint.save_if_due
    calls = iter(range(1000))

    def failing(state: Callable[[], dict[str, object]]) -> None:
        save(state)
        if next(calls) == kill_at:
            raise KilledError

    checkpoint.save_if_due = failing  # type: ignore[method-assign]
    return train_cgn(cgn, build_biggan(TINY, 9), features, JUDGE, params, BUDGET, 0, checkpoint)


def test_generators_start_as_the_conditional_gan(make_cgn: Make) -> None:
    cgn, cgan = make_cgn(0), build_biggan(TINY, 9).eval()
    cgn.start_from(cgan)
    noise, labels = truncated_noise(0, "x", 0, 2, 4, 1.0), torch.tensor([0, 1])
    outputs, reference = cgn.together(noise, labels), generate(cgan, noise, labels, 1.0)
    for image in (outputs.premask, outputs.foreground, outputs.background):
        assert torch.allclose(image, reference, atol=1e-5)
    # f = b: whatever the mask, the composite is the image.
    assert torch.allclose(outputs.composite, reference, atol=1e-5)
    assert outputs.mask.shape == (2, 1, 16, 16)


def test_a_killed_run_ends_the_same(
    make_cgn: Make, features: PerceptualFeatures, params: ImageNetCGNParams, tmp_path: Path
) -> None:
    straight = make_cgn(0)
    expected = _train(straight, features, params, tmp_path / "straight.pt")
    for _ in range(2):
        with pytest.raises(KilledError):
            _train(make_cgn(0), features, params, tmp_path / "killed.pt", kill_at=2)
    resumed = make_cgn(5)  # its own weights do not matter
    resumed.saliency.load_state_dict(straight.saliency.state_dict())
    again = _train(resumed, features, params, tmp_path / "killed.pt")
    for name, weights in straight.generators.state_dict().items():
        assert torch.equal(weights, resumed.generators.state_dict()[name]), name
    assert again.history == expected.history
    assert again.gradient_shares == expected.gradient_shares
    assert [int(sheet["step"]) for sheet in again.snapshots] == [0, 1, 2, 4, 6]


def test_the_frozen_parts_stay_and_the_composite_comes_closer(
    make_cgn: Make, features: PerceptualFeatures, params: ImageNetCGNParams, tmp_path: Path
) -> None:
    cgn = make_cgn(0)
    before = {name: value.clone() for name, value in cgn.saliency.state_dict().items()}
    only_l1 = {f"lambda_{name}": 0.0 for name in params.lambdas()} | {"lambda_l1": 100.0}
    budget = BUDGET.model_copy(update={"steps": 60})
    changed = params.model_copy(update=only_l1)
    checkpoint = Checkpoint(tmp_path / "c.pt", "x", every_seconds=1e9)
    trained = train_cgn(cgn, build_biggan(TINY, 9), features, JUDGE, changed, budget, 0, checkpoint)
    assert set(trained.history[0]) == {"step", "l1", "mask_mean"}
    first, last = (sum(row["l1"] for row in rows) for rows in (trained.history[:5], trained.history[-5:]))
    assert last < 0.8 * first
    assert all(torch.equal(value, before[name]) for name, value in cgn.saliency.state_dict().items())


def test_each_loss_reaches_its_own_mechanisms(
    make_cgn: Make, features: PerceptualFeatures, params: ImageNetCGNParams
) -> None:
    cgn, draws = make_cgn(0), torch.Generator().manual_seed(0)
    outputs = cgn.together(truncated_noise(0, "x", 0, 2, 4, 1.0), torch.tensor([0, 1]))
    reference = torch.zeros_like(outputs.composite)
    ranks = draw_ranks(2, 16, params.patch_size, params.patch_grid, params.patch_candidates, draws)
    losses = cgn_losses(outputs, reference, features, cgn.saliency, params, ranks)
    assert set(losses) == set(params.lambdas())
    shares = {
        name: gradient_shares(losses, list(generator.parameters()))
        for name, generator in cgn.generators.items()
    }
    assert all(sum(share.values()) == pytest.approx(1) for share in shares.values())
    reached = {name: {loss for loss, part in share.items() if part > 0} for name, share in shares.items()}
    assert {"l1", "perceptual", "binary"} <= reached["shape"] <= {"l1", "perceptual", "binary", "mask"}
    assert reached["foreground"] == {"l1", "perceptual", "texture"}
    assert reached["background"] == {"l1", "perceptual", "background"}


def test_half_precision_stays_close(
    make_cgn: Make, features: PerceptualFeatures, params: ImageNetCGNParams
) -> None:
    losses = {}
    for precision in ("fp32", "bf16"):
        budget = BUDGET.model_copy(update={"precision": precision})
        cgn, cgan = make_cgn(0), build_biggan(TINY, 9).eval()
        batch = draw_batch(cgn, params, budget, seed=0, number=0)
        outputs, losses[precision] = batch_losses(cgn, cgan, features, params, budget, *batch)
        assert all(image.dtype == torch.float32 for image in outputs)
        assert all(loss.dtype == torch.float32 for loss in losses[precision].values())
    assert losses["fp32"]["l1"] != losses["bf16"]["l1"]  # it was computed in half precision
    for name, loss in losses["fp32"].items():
        assert losses["bf16"][name].item() == pytest.approx(loss.item(), rel=0.05, abs=0.01), name
