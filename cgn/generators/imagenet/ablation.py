"""The loss ablation of Table 1: one loss of the paper switched off at a time (section 4.2)."""

from cgn.errors import UserError
from cgn.generators.params import ImageNetCGNParams

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
