"""What a generator's image has and a render has not: other colours, soft edges, blotches and grain."""

import torch
from torch import Tensor
from torch.nn import functional

GAIN = 0.3  # largest change of a channel's contrast
OFFSET = 0.2  # and of its brightness, on [-1, 1]
GRAIN = 0.1  # largest standard deviation of noise, by pixel
BLOTCHES = 0.2  # and by blotch
BLOTCH = 8  # pixels
SOFTENED = 0.5  # share of the images that are blurred


def corrupt(images: Tensor, draws: torch.Generator) -> Tensor:
    """Images (n, 3, height, width) in [-1, 1], each blurred, coloured and made noisy by its own amounts.

    `draws` is on the CPU; the images may be elsewhere.
    """
    count, _, height, width = images.shape

    def uniforms(*shape: int) -> Tensor:
        return torch.rand(count, *shape, 1, 1, generator=draws).to(images)

    # A binomial kernel of 5 pixels, by an amount of its own: 0 for those that stay sharp.
    amount = (uniforms(1) / SOFTENED).clamp(max=1)
    x = torch.lerp(_blurred(images), images, amount)
    x = x * (1 + GAIN * (2 * uniforms(3) - 1)) + OFFSET * (2 * uniforms(3) - 1)
    coarse = torch.randn(count, 3, -(-height // BLOTCH), -(-width // BLOTCH), generator=draws).to(images)
    blotches = functional.interpolate(coarse, size=(height, width), mode="bilinear", align_corners=False)
    grain = torch.randn(images.shape, generator=draws).to(images)
    x = x + BLOTCHES * uniforms(1) ** 2 * blotches + GRAIN * uniforms(1) ** 2 * grain
    return x.clamp(-1, 1)


def _blurred(images: Tensor) -> Tensor:
    row = torch.tensor([1.0, 4.0, 6.0, 4.0, 1.0]).to(images) / 16
    channels = images.shape[1]
    kernel = torch.outer(row, row).expand(channels, 1, 5, 5)
    padded = functional.pad(images, (2, 2, 2, 2), mode="replicate")
    return functional.conv2d(padded, kernel, groups=channels)
