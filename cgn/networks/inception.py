"""The Inception network of Inception Scores that are comparable with published ones (Salimans et al. 2016).

It is that of the package torch-fidelity: TensorFlow's of 2015, to which images are resized as there.
"""

from pathlib import Path

from torch import Tensor, nn

from cgn.errors import UserError
from cgn.io.weights import read_state_dict


class Inception(nn.Module):
    """Logits (n, 1008) without the bias, as published scores take them, of images (n, 3, h, w) in [-1, 1]."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        """The logits; images are rounded to 8 bits first."""
        pixels = ((images + 1) * 127.5).round().clamp(0, 255).byte()
        (logits,) = self.network(pixels)
        found: Tensor = logits
        return found


def load_inception(path: Path) -> Inception:
    """Loads the published weights. Raises UserError when they are damaged or torch-fidelity is missing."""
    try:
        from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3
    except ImportError:
        raise UserError(
            "imagenet.cgn_score.network: inception needs: pip install 'torch-fidelity<0.4'"
        ) from None
    read_state_dict(path)  # the package would unpickle any object, so this checks first that there is none
    try:
        network = FeatureExtractorInceptionV3("inception", ["logits_unbiased"], str(path))
    except RuntimeError:
        raise UserError(f"{path}: not the weights of Inception; delete it and fetch it again") from None
    return Inception(network.eval())
