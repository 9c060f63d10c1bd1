"""BigGAN: noise by index, the package's numbers, and batch norms that learn their statistics."""

from pathlib import Path

import numpy as np
import pytest
import torch
from pytorch_pretrained_biggan import BigGAN
from pytorch_pretrained_biggan.model import BigGANBatchNorm
from scipy.stats import truncnorm
from torch import Tensor
from torch.nn import functional

from cgn.errors import UserError
from cgn.networks.biggan import (
    BIGGAN_SMALL,
    BatchNorm,
    BigGANSizes,
    build_biggan,
    collect_statistics,
    generate,
    load_biggan,
    truncated_noise,
)

TINY = BigGANSizes(
    classes=9,
    noise_dimensions=8,
    width=4,
    layers=((False, 16, 8), (True, 8, 4), (False, 4, 2), (True, 2, 1)),
    attention_position=2,
    start=3,
    truncations=3,
)
LABELS = torch.arange(9)


@pytest.fixture
def tiny() -> BigGAN:
    return build_biggan(TINY, seed=0)


def noise(count: int, truncation: float = 1.0) -> Tensor:
    return truncated_noise(0, "test", 0, count, TINY.noise_dimensions, truncation)


def normalised(norm: BigGANBatchNorm, x: Tensor, truncation: float) -> Tensor:
    """Without scale and offset: those of an unconditional norm are 1 and 0 here."""
    result: Tensor = norm(x, truncation)
    return result


def test_the_small_one_is_for_48_pixels() -> None:
    network = build_biggan(BIGGAN_SMALL, seed=0)
    assert BIGGAN_SMALL.resolution == 48
    assert sum(parameter.numel() for parameter in network.parameters()) * 2 < 2.5e6  # bytes in half precision


@pytest.mark.parametrize("start", [2, 3, 4])
def test_images_have_the_resolution_of_the_sizes(start: int) -> None:
    sizes = TINY._replace(start=start)
    with torch.no_grad():
        images = generate(build_biggan(sizes, seed=0).eval(), noise(9), LABELS, 1.0)
    assert sizes.resolution == 4 * start
    assert images.shape == (9, 3, 4 * start, 4 * start)
    assert images.isfinite().all()
    assert images.abs().max() <= 1


def test_classes_can_be_mixed(tiny: BigGAN) -> None:
    tiny.eval()
    with torch.no_grad():
        table = tiny.embeddings.weight  # (dimensions, classes)
        table[:, 2] = 0.75 * table[:, 0] + 0.25 * table[:, 1]
        mixture = torch.tensor([[0.75, 0.25] + [0.0] * 7])
        plain = generate(tiny, noise(1), torch.tensor([2]), 1.0)
        torch.testing.assert_close(generate(tiny, noise(1), mixture, 1.0), plain)
        assert not torch.allclose(generate(tiny, noise(1), torch.tensor([0]), 1.0), plain, atol=1e-3)


def test_weights_are_a_function_of_the_seed(tiny: BigGAN) -> None:
    state = torch.random.get_rng_state()
    same, other = build_biggan(TINY, seed=0), build_biggan(TINY, seed=1)
    assert torch.equal(torch.random.get_rng_state(), state)
    weights = tiny.state_dict()
    assert all(torch.equal(value, weights[name]) for name, value in same.state_dict().items())
    assert not torch.equal(other.state_dict()["embeddings.weight"], weights["embeddings.weight"])


def test_at_the_published_start_it_computes_what_the_package_computes() -> None:
    ours = build_biggan(TINY._replace(start=4, truncations=51), seed=0).eval()
    theirs = BigGAN(ours.config).eval()
    draws = torch.Generator().manual_seed(0)
    state = {
        name: value + torch.rand(value.shape, generator=draws) * 0.1 if "running" in name else value
        for name, value in ours.state_dict().items()
    }
    for network in (ours, theirs):
        network.load_state_dict(state, strict=True)
    one_hot = functional.one_hot(LABELS, 9).float()
    with torch.no_grad():
        for truncation in (0.5, 1.0):
            expected = theirs(noise(9), one_hot, truncation)
            assert torch.allclose(generate(ours, noise(9), LABELS, truncation), expected, atol=1e-4)


def test_statistics_between_two_truncations_lean_to_the_nearer() -> None:
    norm = BatchNorm(1, n_stats=3, conditional=False).eval()
    torch.nn.init.ones_(norm.weight)
    torch.nn.init.zeros_(norm.bias)
    norm.running_means.copy_(torch.tensor([[0.0], [10.0], [20.0]]))
    x = torch.zeros(1, 1, 1, 1)
    for truncation, mean in ((0.5, 10.0), (0.6, 12.0), (0.9, 18.0), (1.0, 20.0)):
        assert normalised(norm, x, truncation).item() == pytest.approx(-mean, rel=1e-3)


def test_a_norm_in_training_uses_the_batch_and_remembers_it() -> None:
    norm = BatchNorm(2, n_stats=3, conditional=False)
    torch.nn.init.ones_(norm.weight)
    torch.nn.init.zeros_(norm.bias)
    torch.manual_seed(0)
    x = torch.randn(64, 2, 4, 4) * 3 + 5
    output = normalised(norm, x, 1.0)
    assert output.mean(dim=(0, 2, 3)).abs().max() < 1e-4
    assert (output.std(dim=(0, 2, 3)) - 1).abs().max() < 1e-2
    for _ in range(80):
        normalised(norm, x, 1.0)
    assert torch.allclose(norm.running_means, x.mean(dim=(0, 2, 3)).expand(3, 2), rtol=1e-2)
    assert torch.allclose(norm.eval()(x, 0.5), output, atol=2e-2)


def test_it_trains_from_scratch_and_then_samples_with_fixed_statistics(tiny: BigGAN) -> None:
    """Each class learns its grey value; with stored statistics an image does not depend on its batch."""
    target = torch.linspace(-0.8, 0.8, 9).view(9, 1, 1, 1)
    optimizer = torch.optim.Adam(tiny.parameters(), lr=1e-2)
    tiny.train()
    for step in range(40):
        z = truncated_noise(0, "train", 18 * step, 18 * (step + 1), TINY.noise_dimensions, 1.0)
        loss = (generate(tiny, z, LABELS.repeat(2), 1.0) - target.repeat(2, 1, 1, 1)).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    collect_statistics(tiny, seed=0, batches=4, batch=18)
    with torch.no_grad():
        together = generate(tiny, noise(9), LABELS, 1.0)
        alone = generate(tiny, noise(9)[3:4], LABELS[3:4], 1.0)
        truncated = generate(tiny, noise(9, 0.5), LABELS, 0.5)
    assert torch.allclose(alone, together[3:4], atol=1e-5)
    for images in (together, truncated):
        assert (images - target).square().mean() < 0.2 * target.square().mean()


def test_collected_statistics_are_those_of_each_truncation(tiny: BigGAN) -> None:
    collect_statistics(tiny, seed=0, batches=2, batch=64)
    norms = [module for module in tiny.modules() if isinstance(module, BatchNorm)]
    assert not any(module.training for module in tiny.modules())
    # The larger the noise, the more its first features vary.
    spread = norms[0].running_vars.mean(dim=1)
    assert spread[0] < spread[1] < spread[2]
    again = build_biggan(TINY, seed=0)
    collect_statistics(again, seed=0, batches=2, batch=64)
    expected = again.state_dict()
    assert all(torch.equal(value, expected[name]) for name, value in tiny.state_dict().items())
    # In evaluation mode the first norm now standardises what another sample sends into it.
    seen: list[Tensor] = []
    norms[0].register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    with torch.no_grad():
        generate(tiny, truncated_noise(1, "other", 0, 900, 8, 1.0), LABELS.repeat(100), 1.0)
    deviation = (seen[0].var(dim=(0, 2, 3)) / norms[0].running_vars[-1]).sqrt()
    assert (deviation.log().abs() < 0.5).all()


def test_loads_from_a_file_and_from_a_folder(tiny: BigGAN, tmp_path: Path) -> None:
    torch.save(tiny.state_dict(), tmp_path / "pytorch_model.bin")
    expected = tiny.state_dict()
    for path in (tmp_path, tmp_path / "pytorch_model.bin"):
        loaded = load_biggan(TINY, path)
        assert not loaded.training
        assert all(torch.equal(value, expected[name]) for name, value in loaded.state_dict().items())
    with pytest.raises(UserError, match=r"pytorch_model\.bin: not the weights of this network"):
        load_biggan(TINY._replace(width=8), tmp_path)
    with pytest.raises(UserError, match=r"nowhere: not found"):
        load_biggan(TINY, tmp_path / "nowhere")


def test_noise_is_a_truncated_normal_and_depends_on_its_index_alone() -> None:
    z = truncated_noise(0, "z", 0, 4000, 8, 0.5)
    assert z.abs().max() <= 1.0
    assert z.std().item() == pytest.approx(0.5 * truncnorm(-2, 2).std(), rel=0.02)
    quantiles = np.quantile(z.numpy(), [0.05, 0.25, 0.5, 0.75, 0.95])
    assert quantiles == pytest.approx(0.5 * truncnorm(-2, 2).ppf([0.05, 0.25, 0.5, 0.75, 0.95]), abs=0.02)
    assert torch.equal(truncated_noise(0, "z", 100, 103, 8, 0.5), z[100:103])
    assert not torch.equal(truncated_noise(0, "other", 0, 4, 8, 0.5), z[:4])
