"""The losses of the ImageNet CGN (section 3.2 and appendix C): L_rec, L_shape, L_text with its patch grid, L_bg;
and their ablation (section 4.2, Table 1).

The lambdas are `imagenet.cgn.lambda_*`, in the paper's order: l1 (lambda_1), perceptual (2), binary (3),
mask (4), texture (5), background (6).
"""

from math import isqrt

import torch
from torch import Tensor
from torch.nn import functional

from cgn.errors import UserError
from cgn.generators.imagenet.mechanisms import Outputs
from cgn.generators.mask_losses import binary_entropy, mask_interval_loss
from cgn.generators.params import ImageNetCGNParams
from cgn.networks.u2net import Saliency
from cgn.networks.vgg import PerceptualFeatures, gram_loss

Losses = dict[str, Tensor]


def cgn_losses(
    outputs: Outputs,
    reference: Tensor,  # x_gt (n, 3, r, r) in [-1, 1]
    features: PerceptualFeatures,
    saliency: Saliency,
    params: ImageNetCGNParams,
    ranks: Tensor,  # of the patches, from `draw_ranks`
) -> Losses:
    """The six losses of one batch, each already multiplied by its lambda; a lambda of 0 leaves its loss out.

    L_rec = l1 + perceptual: the composite is x_gt, by pixels and by Gram matrices of VGG features. L_shape =
    binary + mask: masks are binary, and cover neither nothing nor everything. L_text: the texture map looks,
    by Gram matrices, like a grid of patches from where the mask is highest. L_bg: the background holds no
    salient object.
    """
    weights = params.lambdas()
    losses: Losses = {}
    if weights["l1"]:
        losses["l1"] = functional.l1_loss(outputs.composite, reference)
    if weights["perceptual"]:
        ours, theirs = features(outputs.composite), features(reference)
        losses["perceptual"] = gram_loss(ours, theirs, [params.gram_factor] * len(ours))
    if weights["binary"]:
        losses["binary"] = binary_entropy(outputs.mask)
    if weights["mask"]:
        losses["mask"] = mask_interval_loss(outputs.mask, params.tau, 1 - params.tau)
    if weights["texture"]:
        source = outputs.composite if params.patch_source == "composite" else reference
        grid = patch_grid(source, outputs.mask, params.patch_size, params.patch_candidates, ranks)
        ours, theirs = features(outputs.foreground), features(grid)
        losses["texture"] = gram_loss(ours, theirs, [params.gram_factor] * len(ours))
    if weights["background"]:
        losses["background"] = saliency(outputs.background).mean()
    return {name: weights[name] * loss for name, loss in losses.items()}


def gradient_shares(losses: Losses, parameters: list[Tensor]) -> dict[str, float]:
    """What each loss contributes to the gradient of one generator: its norm, as a share of all norms' sum.

    Losses that do not reach the parameters have a share of 0. The graph is kept.
    """
    norms = {}
    for name, loss in losses.items():
        gradients = torch.autograd.grad(loss, parameters, retain_graph=True, allow_unused=True)
        squares = [gradient.square().sum() for gradient in gradients if gradient is not None]
        norms[name] = float(torch.stack(squares).sum().sqrt()) if squares else 0.0
    total = sum(norms.values()) or 1.0
    return {name: norm / total for name, norm in norms.items()}


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


# The losses of the paper are sums of ours: L_shape, L_text, L_bg, L_rec.
ABLATIONS: dict[str, tuple[str, ...]] = {
    "all": (),
    "no_shape": ("binary", "mask"),
    "no_text": ("texture",),
    "no_bg": ("background",),
    "no_rec": ("l1", "perceptual"),
}


def ablated(params: ImageNetCGNParams, ablation: str) -> ImageNetCGNParams:
    """`params` with the lambdas of one of `ABLATIONS` at 0. Raises UserError for another name."""
    if ablation not in ABLATIONS:
        raise UserError(f"{ablation}: unknown ablation; known are {', '.join(ABLATIONS)}")
    return params.model_copy(update={f"lambda_{loss}": 0.0 for loss in ABLATIONS[ablation]})
