import pytest
import torch

from cgn.generators.imagenet.patches import draw_ranks, patch_grid


def test_patches_come_from_where_the_mask_is() -> None:
    mask = torch.zeros(2, 1, 16, 16)
    mask[0, :, 2:8, 3:9] = 1
    mask[1, :, 9:15, 8:14] = 1
    images = (mask * torch.tensor([0.5, -1.0, 0.25]).view(3, 1, 1)) - (1 - mask)
    ranks = draw_ranks(2, 16, 4, 4, 9, torch.Generator().manual_seed(0))
    grid = patch_grid(images, mask, 4, 9, ranks)
    assert grid.shape == images.shape
    # 9 places for a square of 4 inside one of 6: nothing of the ground is in the grid.
    assert torch.allclose(grid, torch.tensor([0.5, -1.0, 0.25]).view(3, 1, 1).expand_as(grid))


def test_a_patch_is_a_piece_of_the_image() -> None:
    images = torch.arange(64.0).view(1, 1, 8, 8)
    mask = torch.zeros(1, 1, 8, 8)
    mask[..., 2:5, 4:7] = 1  # one place for a square of 3
    grid = patch_grid(images, mask, 3, 1, draw_ranks(1, 8, 3, 1, 1, torch.Generator().manual_seed(0)))
    enlarged = torch.nn.functional.interpolate(images[..., 2:5, 4:7], size=(8, 8), mode="bilinear")
    assert torch.equal(grid, enlarged)


def test_no_gradient_and_no_room() -> None:
    images = torch.randn(1, 3, 8, 8, requires_grad=True)
    draws = torch.Generator().manual_seed(0)
    ranks = draw_ranks(1, 8, 3, 2, 4, draws)
    assert ranks.shape == (1, 4)
    assert not patch_grid(images, torch.rand(1, 1, 8, 8), 3, 4, ranks).requires_grad
    with pytest.raises(ValueError, match="9 pixels do not fit into 8"):
        draw_ranks(1, 8, 9, 2, 4, draws)


def test_more_candidates_than_places() -> None:
    ranks = draw_ranks(50, 5, 3, 2, 100, torch.Generator().manual_seed(0))
    assert set(ranks.flatten().tolist()) == {*range(9)}
    assert patch_grid(torch.rand(50, 3, 5, 5), torch.rand(50, 1, 5, 5), 3, 100, ranks).shape == (50, 3, 5, 5)
    torch.manual_seed(7)
    again = draw_ranks(50, 5, 3, 2, 100, torch.Generator().manual_seed(0))
    assert torch.equal(again, ranks)


def test_a_patch_as_large_as_the_image_has_one_place() -> None:
    assert not draw_ranks(2, 4, 4, 2, 100, torch.Generator()).any()
