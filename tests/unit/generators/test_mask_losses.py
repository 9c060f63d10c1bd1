import pytest
import torch

from cgn.generators.mask_losses import binary_entropy, border_loss, mask_interval_loss


@pytest.mark.parametrize(("value", "bits"), [(0.0, 0.0), (1.0, 0.0), (0.5, 1.0), (0.25, 0.8112781)])
def test_entropy_is_in_bits(value: float, bits: float) -> None:
    assert binary_entropy(torch.full((2, 1, 4, 4), value)).item() == pytest.approx(bits, abs=3e-5)


def test_mask_interval_is_flat_inside_and_linear_outside() -> None:
    means = torch.tensor([0.0, 0.1, 0.5, 0.9, 1.0]).view(-1, 1, 1, 1).expand(-1, 1, 4, 4)
    each = [mask_interval_loss(mask[None], 0.1, 0.9).item() for mask in means]
    assert each == pytest.approx([0.1, 0, 0, 0, 0.1], abs=1e-6)
    assert mask_interval_loss(means, 0.1, 0.9).item() == pytest.approx(0.04)


def test_border_is_the_mean_of_the_frame() -> None:
    mask = torch.zeros(2, 1, 32, 32)
    mask[:, :, 4:-4, 4:-4] = 1
    assert border_loss(mask, 4).item() == 0
    assert border_loss(1 - mask, 4).item() == pytest.approx(1)


def test_border_of_a_single_mask() -> None:
    mask = torch.zeros(1, 1, 8, 8)
    mask[..., 0, :] = 1  # 8 of the 28 pixels of the frame
    assert border_loss(mask, 1).item() == pytest.approx(8 / 28)
