"""What every method trains: a network of some world from images to logits."""

import torch
from torch import Tensor, nn

from cgn.common.pixels import from_bytes


class Classifier(nn.Module):
    """Logits (n, classes) of images (n, channels, height, width) in [-1, 1]."""

    @torch.no_grad()
    def predict(self, images: Tensor) -> Tensor:
        """The most probable class int64 (n,) of each image uint8 (n, height, width, channels)."""
        training = self.training
        self.eval()
        predicted: Tensor = self(from_bytes(images)).argmax(dim=1)
        self.train(training)
        return predicted
