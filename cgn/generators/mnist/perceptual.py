"""Optional Gram loss under an ImageNet VGG16, as in the released code for MNIST (the paper names none).

Gatys et al. (2015): images look alike in texture when the correlations of their features agree.
"""

import pickle

from torch import Tensor, nn

from cgn.errors import UserError
from cgn.networks.vgg import gram_loss

_TAPS = (3, 8, 15, 22)  # ReLUs before the first four max-pools of VGG16's `features`


class GramLoss(nn.Module):
    """L1 distance of the mean Gram matrices of two batches of images (n, 3, h, w) in [-1, 1]."""

    def __init__(self, features: nn.Sequential) -> None:
        super().__init__()
        self.features = features[: _TAPS[-1] + 1].eval().requires_grad_(False)

    def forward(self, images: Tensor, reference: Tensor) -> Tensor:
        return gram_loss(self._taps(images), self._taps(reference), [1.0] * len(_TAPS), of_batch=True)

    def _taps(self, x: Tensor) -> list[Tensor]:
        taps = []
        for index, layer in enumerate(self.features):
            x = layer(x)
            if index in _TAPS:
                taps.append(x)
        return taps


def pretrained_gram_loss() -> GramLoss:
    """A GramLoss under torchvision's VGG16, downloaded once. Raises UserError when that fails."""
    from torchvision.models import VGG16_Weights, vgg16

    try:
        return GramLoss(vgg16(weights=VGG16_Weights.IMAGENET1K_V1).features)
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
        raise UserError(
            f"params.yaml: mnist.cgn.lambda_perceptual needs VGG16's weights, whose download "
            f"failed ({error}); set it to 0, or put the file into torch's hub cache (TORCH_HOME)"
        ) from None
