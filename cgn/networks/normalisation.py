"""ImageNet's normalisation, which published networks expect of their input."""

import torch
from torch import Tensor, nn


class ImageNetNormalisation(nn.Module):
    """Images (n, 3, height, width) in [0, 1] less ImageNet's mean, over its deviation, by channel."""

    mean: Tensor
    standard_deviation: Tensor

    def __init__(self) -> None:
        super().__init__()
        for name, values in (("mean", (0.485, 0.456, 0.406)), ("standard_deviation", (0.229, 0.224, 0.225))):
            self.register_buffer(name, torch.tensor(values).view(3, 1, 1), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        return (images - self.mean) / self.standard_deviation
