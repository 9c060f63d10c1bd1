"""Every method on every variant (after DomainBed), and what their parts compute."""

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from cgn.data.sources import Environments, FixedImages, Images, Minibatch, Source
from cgn.methods.algorithm import Algorithm, learning_rate
from cgn.methods.augmentation import AugmentedERM, random_convolution
from cgn.methods.erm import ERM
from cgn.methods.group_dro import GroupDRO
from cgn.methods.irm import IRM, invariance_penalty, penalty_weight, scale_gradient
from cgn.methods.lntl import IGNORED, LNTL, ColorHeads, entropy, quantized_colors, reverse_gradient
from cgn.methods.params import AugmentationParams, ClassifierParams, GroupDROParams, IRMParams, LNTLParams
from cgn.metrics.accuracy import accuracy, predict
from cgn.networks.digit_cnn import UNPADDED, DigitCNN
from tests.unit.methods.conftest import Make

LNTL_PARAMS = LNTLParams(bins=8, entropy_weight=0.01, reversal_weight=0.1, pretraining=0.4)
IRM_PARAMS = IRMParams(
    environments={"irm_2": [0.9, 1.0], "irm_5": [0.9, 1.0]},
    penalty=1.0,
    penalty_start=0.3,
    environment_batch=12,
    weight_decay=0.0001,
)
GROUP_DRO_PARAMS = GroupDROParams(
    environments=[0.9, 1.0], step_size=0.1, environment_batch=12, weight_decay=0.0001
)
AUGMENTATION_PARAMS = AugmentationParams(share=0.5, kernel_sizes=[1, 3])


def _few(images: Images, count: int) -> Images:
    return Images(images.images[:count], images.labels[:count])


def _method(
    name: str, variant: str, steps: int, schedule: ClassifierParams, make: Make
) -> tuple[Algorithm, Source]:
    network = DigitCNN(0)
    environments = Environments([_few(make(variant, 0.9), 12), _few(make(variant, 1.0), 12)], 12, 0)
    if name == "irm":
        return IRM(network, steps, schedule, IRM_PARAMS), environments
    if name == "group_dro":
        return GroupDRO(network, steps, schedule, GROUP_DRO_PARAMS), environments
    biased = FixedImages(_few(make(variant, 1.0), 24), 24, 0)
    if name == "lntl":
        return LNTL(network, steps, schedule, LNTL_PARAMS, 1, variant == "colored_mnist"), biased
    if name == "augmentation":
        return AugmentedERM(network, steps, schedule, AUGMENTATION_PARAMS, 1), biased
    return ERM(network, steps, schedule), biased


@pytest.mark.parametrize("name", ["erm", "irm", "group_dro", "lntl", "augmentation"])
def test_every_method_learns_every_variant(
    name: str, variant: str, schedule: ClassifierParams, make: Make
) -> None:
    steps = 36
    algorithm, source = _method(name, variant, steps, schedule, make)
    losses = [algorithm.update(source.minibatches(step))["loss"] for step in range(steps)]
    assert np.isfinite(losses).all()
    assert np.mean(losses[-8:]) < 0.8 * np.mean(losses[:4])


def test_tiny_overfit(schedule: ClassifierParams, make: Make) -> None:
    few = _few(make("double_colored_mnist", 0.0), 16)
    algorithm, source = ERM(DigitCNN(0), 100, schedule), FixedImages(few, 16, 0)
    for step in range(100):
        algorithm.update(source.minibatches(step))
    assert accuracy(predict(algorithm, few.images), few.labels) == 100


@pytest.mark.parametrize("optimizer", ["adam", "adadelta"])
def test_learning_rate_rises_and_falls(optimizer: str) -> None:
    schedule = ClassifierParams.model_validate(
        {"batch": 32, "optimizer": optimizer, "learning_rate": 1.0, "warmup": 0.1,
         "learning_rate_decay": 0.5, "decays": 4}
    )  # fmt: skip
    assert learning_rate(schedule, 0.0) < 0.02
    assert learning_rate(schedule, 0.05) == pytest.approx(0.51, abs=0.01)
    assert [learning_rate(schedule, p) for p in (0.2, 0.25, 0.5, 0.75, 0.999, 1.0)] == [
        1.0, 0.5, 0.25, 0.125, 0.125, 0.125,
    ]  # fmt: skip


# --- Group DRO ------------------------------------------------------------------------------------


def test_the_environment_with_the_larger_loss_gains_weight(schedule: ClassifierParams, make: Make) -> None:
    images = make("colored_mnist", 1.0)
    wrong = Images(images.images, (images.labels + 1) % 10)
    algorithm = GroupDRO(DigitCNN(0), 40, schedule, GROUP_DRO_PARAMS)
    # Both environments hold the same images; the second one's labels change once the first fit is made.
    for step in range(20):
        algorithm.update(Environments([images, images], 12, 0).minibatches(step))
    before = algorithm.state()["weights"]
    algorithm.update(Environments([images, wrong], 12, 0).minibatches(20))
    after = algorithm.state()["weights"]
    assert after[1] > before[1]
    assert after.sum().item() == pytest.approx(1)


# --- augmentation ---------------------------------------------------------------------------------


def test_a_random_convolution_mixes_colours_and_leaves_black_black() -> None:
    images = torch.zeros(2, 3, 8, 8)
    images[:, 0, 2:5, 2:5] = 1.0  # a red square
    out = random_convolution(images, 1, torch.Generator().manual_seed(0))
    assert out.shape == images.shape
    assert torch.equal(out[:, :, 0, 0], torch.zeros(2, 3))
    inside = out[:, :, 2:5, 2:5]
    assert (inside[:, 1:] != 0).all()  # no longer red alone
    torch.testing.assert_close(inside, inside[:, :, :1, :1].expand_as(inside))  # one colour: the shape stays
    assert not torch.equal(out[0], out[1])


def test_a_random_kernel_keeps_the_variance_of_noise() -> None:
    draws = torch.Generator().manual_seed(0)
    noise = torch.randn(400, 3, 16, 16, generator=draws)
    for size in (1, 3, 5):
        out = random_convolution(noise, size, draws)[:, :, 4:-4, 4:-4]
        # E[a^2 + (1 - a)^2] = 2/3 for a uniform on [0, 1].
        assert out.var().item() == pytest.approx(2 / 3, rel=0.1)


# --- IRM ------------------------------------------------------------------------------------------


def _logits() -> tuple[Tensor, Tensor]:
    draws = torch.Generator().manual_seed(0)
    return torch.randn(16, 10, generator=draws).mul(2).requires_grad_(), torch.randint(
        10, (16,), generator=draws
    )


def _reference(logits: Tensor, labels: Tensor) -> Tensor:
    """The gradient as Arjovsky et al. compute it, by automatic differentiation."""
    w = torch.ones((), requires_grad=True)
    (gradient,) = torch.autograd.grad(functional.cross_entropy(w * logits, labels), w, create_graph=True)
    return torch.as_tensor(gradient)


def test_scale_gradient_and_its_own_gradient_equal_autograd() -> None:
    logits, labels = _logits()
    torch.testing.assert_close(scale_gradient(logits, labels), _reference(logits, labels))
    (ours,) = torch.autograd.grad(scale_gradient(logits, labels).square(), logits)
    (theirs,) = torch.autograd.grad(_reference(logits, labels).square(), logits)
    torch.testing.assert_close(ours, theirs)


def test_penalty_is_the_product_of_two_halves() -> None:
    logits, labels = _logits()
    halves = [_reference(logits[i::2], labels[i::2]) for i in (0, 1)]
    torch.testing.assert_close(invariance_penalty(logits, labels), halves[0] * halves[1])


def test_penalty_vanishes_at_the_best_scale() -> None:
    """Logits that are the log of the labels' true distribution cannot be improved by a scale."""
    counts = torch.tensor([3, 1, 4, 2, 0, 0, 0, 0, 0, 0])
    labels = torch.repeat_interleave(torch.arange(10), counts)
    logits = (counts / counts.sum() + 1e-12).log().expand(len(labels), 10)
    assert abs(scale_gradient(logits, labels).item()) < 1e-5
    assert scale_gradient(3 * logits, labels).item() > 0.1  # overconfident: a smaller scale is better


def test_penalty_weight_rises_from_zero() -> None:
    assert [penalty_weight(80.0, 0.2, p) for p in (0.0, 0.2)] == [0.0, 0.0]
    assert penalty_weight(80.0, 0.2, 0.6) == pytest.approx(40)
    assert penalty_weight(80.0, 0.2, 1.0) == pytest.approx(80)
    assert [penalty_weight(80.0, None, p) for p in (0.0, 1.0)] == [80, 80]  # no schedule


def test_optimizer_begins_anew_when_the_penalty_starts(schedule: ClassifierParams, make: Make) -> None:
    algorithm, source = _method("irm", "colored_mnist", 10, schedule, make)
    updates = []
    for step in range(10):
        algorithm.update(source.minibatches(step))
        updates.append(float(algorithm.state()["optimizer"]["state"][0]["step"]))
    assert updates == [1, 2, 3, 4, 1, 2, 3, 4, 5, 6]  # progress 0.3 has weight 0, 0.4 has not


# --- LNTL -----------------------------------------------------------------------------------------


def test_reversed_gradient_has_the_other_sign() -> None:
    x = torch.tensor([1.0, -2.0], requires_grad=True)
    y = reverse_gradient(x, 0.1)
    assert torch.equal(y, x)
    torch.autograd.backward((y * torch.tensor([3.0, 5.0])).sum())
    torch.testing.assert_close(x.grad, torch.tensor([-0.3, -0.5]))


def test_colors_are_quantized_at_the_centres_of_the_cells() -> None:
    images = torch.zeros(1, 32, 32, 3, dtype=torch.uint8)
    images[0, 3, 3] = torch.tensor([31, 32, 255])  # cell (0, 0)
    images[0, 27, 5] = torch.tensor([0, 0, 200])  # cell (12, 1): one channel lit, not black
    images[0, 4, 4] = 77  # between the cells
    colors = quantized_colors(images, UNPADDED, 8, ignore_black=True)
    assert colors.shape == (1, 3, 13, 13)
    assert colors[0, :, 0, 0].tolist() == [0, 1, 7]
    assert colors[0, :, 12, 1].tolist() == [0, 0, 6]
    assert int((colors != IGNORED).sum()) == 6
    assert int((quantized_colors(images, UNPADDED, 8, ignore_black=False) == 0).sum()) == 3 * 169 - 3


def test_entropy_counts_only_the_cells_asked_for() -> None:
    logits = torch.zeros(1, 8, 3, 2, 2)
    logits[0, 0, :, 0, 0] = 1000.0  # certain
    counted = torch.zeros(1, 3, 2, 2, dtype=torch.bool)
    counted[..., 0, :] = True  # one certain, one uniform cell
    assert entropy(logits, counted).item() == pytest.approx(np.log(8) / 2)
    assert entropy(logits, torch.zeros_like(counted)).item() == 0
    counted[:] = False
    counted[0, 0, 1, 1] = True
    assert entropy(logits, counted).item() == pytest.approx(np.log(8))


def test_the_head_of_a_channel_has_features_of_its_own() -> None:
    heads, features = ColorHeads(8, 0), torch.rand(2, 32, 3, 3)
    before = heads(features)
    with torch.no_grad():
        heads.hidden.bias[32:64] += 5  # of the second head
    changed = (heads(features) != before).flatten(3).any(dim=(0, 1, 3))
    assert changed.tolist() == [False, True, False]


def _gradients(algorithm: LNTL, minibatch: Minibatch) -> dict[str, Tensor]:
    algorithm.update([minibatch])
    return {
        name: parameter.grad.clone()
        for name, parameter in algorithm._modules.named_parameters()
        if parameter.grad is not None
    }


def test_unlearning_moves_features_and_not_the_heads_target(schedule: ClassifierParams, make: Make) -> None:
    """Reversal and entropy change the gradient of the features' layers, never that of the heads."""
    images = make("colored_mnist", 1.0)
    minibatch = Minibatch(torch.from_numpy(images.images[:32]), torch.from_numpy(images.labels[:32]).long())
    gradients = []
    for reversal, share in ((0.0, 1.0), (0.5, 0.0)):  # pre-training only; unlearning from the first step
        params = LNTLParams(bins=8, entropy_weight=0.5, reversal_weight=reversal, pretraining=share)
        gradients.append(_gradients(LNTL(DigitCNN(0), 10, schedule, params, 1, True), minibatch))
    plain, unlearning = gradients
    assert {f"1.{layer}.{kind}" for layer in ("hidden", "out") for kind in ("weight", "bias")} < plain.keys()
    for name in plain:
        same = torch.allclose(plain[name], unlearning[name], rtol=1e-4, atol=1e-7)
        before_heads = name.startswith(("0.normalize", "0.conv_1", "0.conv_2"))  # what the features come from
        assert same != before_heads, name
