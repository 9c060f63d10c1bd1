import torch

from cgn.networks.inputs import resized


def test_a_plain_image_stays_plain_and_values_stay_in_range() -> None:
    plain = torch.full((1, 3, 64, 64), 0.25)
    assert torch.allclose(resized(plain, 16), torch.full((1, 3, 16, 16), 0.25), atol=1e-6)
    checks = torch.ones(1, 3, 64, 64)
    checks[..., 32:] = -1  # bicubic overshoots at an edge
    assert resized(checks, 24).abs().max() <= 1


def test_fine_stripes_become_their_mean() -> None:
    stripes = torch.ones(1, 3, 64, 64)
    stripes[..., ::2] = -1
    assert resized(stripes, 16).abs().max() < 0.1  # without antialiasing they stay or turn into others


def test_nothing_happens_to_images_of_that_resolution() -> None:
    images = torch.rand(2, 3, 32, 32)
    assert resized(images, 32) is images
    assert resized(images, None) is images
