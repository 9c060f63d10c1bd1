"""Saliency by a frozen U2-Net: the mask of the shape mechanism, and what the background must not have."""

from collections.abc import Sequence
from typing import Literal, Self

from torch import Tensor, nn
from torch.nn import functional

from cgn.networks.normalisation import ImageNetNormalisation
from cgn.networks.u2net import U2Net


class Saliency(nn.Module):
    """A frozen U2-Net: images (n, 3, height, width) in [-1, 1] to saliency (n, 1, height, width) in [0, 1].

    `normalisation` says how the network sees them: `official`, brightest value of each image scaled to 1,
    then ImageNet's mean and standard deviation, as it was trained; or `raw`, the values in [-1, 1], as the
    released code of the paper feeds it. It sees them at `resolution` pixels squared (the official networks
    were trained at 320), None for the images' own. Gradients pass through to the images.
    """

    def __init__(
        self, network: U2Net, normalisation: Literal["official", "raw"], resolution: int | None
    ) -> None:
        super().__init__()
        self.network = network.eval().requires_grad_(False)
        self.normalisation = normalisation
        self.resolution = resolution
        self.normalise = ImageNetNormalisation()

    def train(self, mode: bool = True) -> Self:
        """Stay in evaluation mode: it is frozen, its batch norms too."""
        return super().train(False)

    def forward(self, images: Tensor) -> Tensor:
        x = images
        if self.resolution is not None:
            x = _resize(x, (self.resolution, self.resolution))
        if self.normalisation == "official":
            x = (x + 1) / 2
            brightest = x.amax(dim=(1, 2, 3), keepdim=True).clamp_min(1e-6)  # a black image stays black
            x = self.normalise(x / brightest)
        fused: Tensor = self.network(x)[:, :1]
        # In float32 also under autocast: half precision rounds a mask near 1 to 1, where it has no gradient.
        return _resize(fused.float().sigmoid(), images.shape[-2:])


def _resize(x: Tensor, size: Sequence[int]) -> Tensor:
    return functional.interpolate(x, size=tuple(size), mode="bilinear", align_corners=False)
