"""The patch grid of the texture loss (section 3.2, appendix C.2): the object's surface without its shape."""

from math import isqrt

import torch
from torch import Tensor
from torch.nn import functional


def draw_ranks(
    count: int, size: int, patch: int, grid: int, candidates: int, draws: torch.Generator
) -> Tensor:
    """Which patches `patch_grid` takes for `count` images of `size` pixels squared: int64 (count, grid^2).

    They are drawn with replacement from the `candidates` best places, and named by their rank, 0 the best.
    Raises ValueError where a patch does not fit.
    """
    if patch > size:
        raise ValueError(f"patches of {patch} pixels do not fit into {size}")
    places = (size - patch + 1) ** 2
    return torch.randint(min(candidates, places), (count, grid * grid), generator=draws)


def patch_grid(images: Tensor, mask: Tensor, patch: int, candidates: int, ranks: Tensor) -> Tensor:
    """Patches of images (n, c, r, r) from where mask (n, 1, r, r) is highest, as images of the same size.

    The `candidates` squares of `patch` pixels with the highest mean of the mask are ranked; those of `ranks`
    (n, grid^2), from `draw_ranks`, are set side by side and up-sampled to r. (The paper: 6x6 of 15 at 256
    pixels; its code draws 36 of the best 100.) No gradient passes: the grid is what the texture should look
    like.
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
        # (n, c, grid^2, patch, patch), then the grid's rows and columns put together.
        flat = (rows * size + columns).flatten(1)[:, None].expand(-1, channels, -1)
        patches = images.flatten(2).gather(2, flat).view(count, channels, grid, grid, patch, patch)
        square = patches.permute(0, 1, 2, 4, 3, 5).reshape(count, channels, grid * patch, grid * patch)
        return functional.interpolate(square, size=(size, size), mode="bilinear", align_corners=False)
