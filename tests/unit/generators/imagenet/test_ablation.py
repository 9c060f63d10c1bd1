import pytest

from cgn.errors import UserError
from cgn.generators.imagenet.losses import ABLATIONS, ablated
from cgn.generators.params import ImageNetCGNParams


def test_only_the_losses_named_are_off(params: ImageNetCGNParams) -> None:
    off = {
        name: {loss for loss, weight in ablated(params, name).lambdas().items() if weight == 0}
        for name in ABLATIONS
    }
    assert off == {
        "all": set(),
        "no_shape": {"binary", "mask"},
        "no_text": {"texture"},
        "no_bg": {"background"},
        "no_rec": {"l1", "perceptual"},
    }
    back = {"lambda_l1": params.lambda_l1, "lambda_perceptual": params.lambda_perceptual}
    assert ablated(params, "no_rec").model_copy(update=back) == params


def test_an_unknown_ablation_is_one_line(params: ImageNetCGNParams) -> None:
    with pytest.raises(UserError, match=r"^no_mask: unknown ablation; known are all, no_shape, no_text"):
        ablated(params, "no_mask")
