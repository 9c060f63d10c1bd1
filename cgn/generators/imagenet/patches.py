"""The patch grid of the texture loss (section 3.1, appendix C.2): the object's surface without its shape."""

from math import isqrt

import torch
from torch import Tensor
from torch.nn import functional


def draw_ranks(
    count: int, size: int, patch: int, grid: int, candidates: int, draws: torch.Generator
) -> Tensor:
    """Draws the patches that `patch_grid` takes, as ranks int64 (count, grid^2), for `count` images.

    Ranks are drawn with replacement from the `candidates` places with the highest mask; 0 is the highest.
    `size` and `patch` are the widths of images and patches in pixels. Raises ValueError when a patch does not
    fit.
    """
    if patch > size:
        raise ValueError(f"patches of {patch} pixels do not fit into {size}")
    places = (size - patch + 1) ** 2
    return torch.randint(min(candidates, places), (count, grid * grid), generator=draws)


def patch_grid(images: Tensor, mask: Tensor, patch: int, candidates: int, ranks: Tensor) -> Tensor:
    """Makes grids (n, c, r, r) of patches of images (n, c, r, r), cut where masks (n, 1, r, r) are highest.


    The `candidates` squares of `patch` pixels with the highest mean of the mask are ranked. Those of `ranks`
    (n, grid^2), from `draw_ranks`, are put side by side and resized to r. (The paper has 6x6 patches of 15
    pixels at 256 pixels; its code draws the 36 from the best 100.) No gradient passes, because the grid is a
    target.
    """
    count, channels, size = images.shape[:3]
    grid = isqrt(ranks.shape[1])
    with torch.no_grad():
        covered = functional.avg_pool2d(mask, patch, stride=1).flatten(1)
        best = covered.topk(min(candidates, covered.shape[1]), dim=1).indices
        corners = best.gather(1, ranks)
        across = size - patch + 1
        steps = torch.arange(patch, device=images.device)
        rows = (corners // across)[:, :, None, None] + steps[:, None]
        columns = (corners % across)[:, :, None, None] + steps
        # Gather (n, c, grid^2, patch, patch), then join the rows and columns of the grid.
        flat = (rows * size + columns).flatten(1)[:, None].expand(-1, channels, -1)
        patches = images.flatten(2).gather(2, flat).view(count, channels, grid, grid, patch, patch)
        square = patches.permute(0, 1, 2, 4, 3, 5).reshape(count, channels, grid * patch, grid * patch)
        return functional.interpolate(square, size=(size, size), mode="bilinear", align_corners=False)
