"""The losses of the ImageNet CGN (section 3.1, appendix C), and their ablation (Table 1).

Their weights are `imagenet.cgn.lambda_*`, in the paper's order: l1 (lambda_1), perceptual (2), binary (3),
mask (4), texture (5), background (6).
"""

import torch
from torch import Tensor
from torch.nn import functional

from cgn.errors import UserError
from cgn.generators.imagenet.mechanisms import Outputs
from cgn.generators.imagenet.patches import patch_grid
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
    """The six losses of a batch by name, each multiplied by its lambda; a loss with lambda 0 is left out.

    L_rec = l1 + perceptual compares the composite with x_gt, by pixels and by Gram matrices of VGG features.
    L_shape = binary + mask makes masks binary and keeps their mean in [tau, 1 - tau]. L_text compares the
    Gram matrices of the texture map with those of a grid of patches cut where the mask is highest, at all
    taps of the VGG or at the middle ones. L_bg is the mean saliency of the background.
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
        taps = {"all": [1, 1, 1, 1], "middle": [0, 1, 1, 0]}[params.texture_taps]
        losses["texture"] = gram_loss(ours, theirs, [params.gram_factor * tap for tap in taps])
    if weights["background"]:
        losses["background"] = saliency(outputs.background).mean()
    return {name: weights[name] * loss for name, loss in losses.items()}


def gradient_shares(losses: Losses, parameters: list[Tensor]) -> dict[str, float]:
    """The norm of each loss's gradient of `parameters`, as a share of the sum of all norms.

    Losses that do not depend on the parameters have a share of 0. The graph is kept.
    """
    norms = {}
    for name, loss in losses.items():
        gradients = torch.autograd.grad(loss, parameters, retain_graph=True, allow_unused=True)
        squares = [gradient.square().sum() for gradient in gradients if gradient is not None]
        norms[name] = float(torch.stack(squares).sum().sqrt()) if squares else 0.0
    total = sum(norms.values()) or 1.0
    return {name: norm / total for name, norm in norms.items()}


# Name of the ablation -> the losses left out, which make up the paper's L_shape, L_text, L_bg or L_rec.
ABLATIONS: dict[str, tuple[str, ...]] = {
    "all": (),
    "no_shape": ("binary", "mask"),
    "no_text": ("texture",),
    "no_bg": ("background",),
    "no_rec": ("l1", "perceptual"),
}


def ablated(params: ImageNetCGNParams, ablation: str) -> ImageNetCGNParams:
    """`params` with the lambdas of one of `ABLATIONS` set to 0. Raises UserError for another name."""
    if ablation not in ABLATIONS:
        raise UserError(f"{ablation}: unknown ablation; known are {', '.join(ABLATIONS)}")
    return params.model_copy(update={f"lambda_{loss}": 0.0 for loss in ABLATIONS[ablation]})
