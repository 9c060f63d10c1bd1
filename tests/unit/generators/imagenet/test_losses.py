"""Each loss of the ImageNet CGN is its definition times its lambda."""

from collections.abc import Callable

import pytest
import torch

from cgn.generators.imagenet.losses import cgn_losses, gradient_shares
from cgn.generators.imagenet.mechanisms import ImageNetCGN, Outputs
from cgn.generators.imagenet.patches import draw_ranks, patch_grid
from cgn.generators.mask_losses import binary_entropy, mask_interval_loss
from cgn.generators.params import ImageNetCGNParams
from cgn.networks.vgg import PerceptualFeatures, gram_loss


def images(seed: int, channels: int = 3, brightest: float = 1.0) -> torch.Tensor:
    draws = torch.Generator().manual_seed(seed)
    return torch.rand(2, channels, 16, 16, generator=draws) * brightest


@pytest.fixture
def outputs() -> Outputs:
    mask = images(1, 1, 0.1)  # its mean is below tau
    parts = {"mask": mask, "foreground": images(2), "background": images(3), "composite": images(4)}
    return Outputs(**{name: parts.get(name, mask) for name in Outputs._fields})


@pytest.mark.parametrize("source", ["composite", "ground_truth"])
def test_each_loss_is_its_definition_times_its_lambda(
    source: str,
    outputs: Outputs,
    make_cgn: Callable[[int], ImageNetCGN],
    features: PerceptualFeatures,
    params: ImageNetCGNParams,
) -> None:
    params = params.model_copy(update={"patch_source": source})
    saliency, reference = make_cgn(0).saliency, images(5)
    ranks = draw_ranks(2, 16, 3, 4, 20, torch.Generator().manual_seed(0))
    losses = cgn_losses(outputs, reference, features, saliency, params, ranks)
    cut_from = outputs.composite if source == "composite" else reference
    grid = patch_grid(cut_from, outputs.mask, 3, 20, ranks)
    composite, truth, texture, target = map(
        features, (outputs.composite, reference, outputs.foreground, grid)
    )
    expected = {
        "l1": 100 * (outputs.composite - reference).abs().mean(),
        "perceptual": 5 * gram_loss(composite, truth, [10.0] * len(truth)),
        "binary": 300 * binary_entropy(outputs.mask),
        "mask": 500 * mask_interval_loss(outputs.mask, 0.1, 0.9),
        "texture": 5 * gram_loss(texture, target, [10.0] * len(target)),
        "background": 2000 * saliency(outputs.background).mean(),
    }
    assert set(losses) == set(expected)
    for name, loss in expected.items():
        torch.testing.assert_close(losses[name], loss)
        assert loss > 0
    middle = params.model_copy(update={"texture_taps": "middle"})
    of_code = cgn_losses(outputs, reference, features, saliency, middle, ranks)
    torch.testing.assert_close(of_code["texture"], 5 * gram_loss(texture, target, [0.0, 10.0, 10.0, 0.0]))
    for name in expected:
        without = params.model_copy(update={f"lambda_{name}": 0.0})
        left = cgn_losses(outputs, reference, features, saliency, without, ranks)
        assert set(left) == set(expected) - {name}


def test_a_full_mask_is_out_of_the_interval_as_well(
    outputs: Outputs,
    make_cgn: Callable[[int], ImageNetCGN],
    features: PerceptualFeatures,
    params: ImageNetCGNParams,
) -> None:
    full = outputs._replace(mask=torch.ones_like(outputs.mask))
    ranks = draw_ranks(2, 16, 3, 4, 20, torch.Generator().manual_seed(0))
    losses = cgn_losses(full, images(5), features, make_cgn(0).saliency, params, ranks)
    assert losses["mask"].item() == pytest.approx(500 * 0.1)


def test_shares_of_the_gradient_are_norms() -> None:
    first, second, other = (torch.ones(2, requires_grad=True) for _ in range(3))
    losses = {
        "one": 3 * first[0] + 4 * second[1],  # the norm is 5
        "two": 15 * first[1],
        "none": other.sum(),
    }
    shares = gradient_shares(losses, [first, second])
    assert shares == {"one": pytest.approx(0.25), "two": pytest.approx(0.75), "none": 0.0}
    assert gradient_shares(losses, [first, second]) == shares  # the graph is kept
    assert gradient_shares({"none": other.sum()}, [first]) == {"none": 0.0}
