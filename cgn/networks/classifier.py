"""What every method trains: a network of some world from images to logits."""

import torch
from torch import Tensor, nn

from cgn.io.pixels import from_bytes


class Classifier(nn.Module):
    """Logits (n, classes) of images (n, channels, height, width) in [-1, 1]."""

    @torch.no_grad()
    def predict(self, images: Tensor) -> Tensor:
        """The most probable class int64 (n,) of each image uint8 (n, height, width, channels)."""
        training = self.training
        self.eval()
        device = next(self.parameters()).device
        predicted: Tensor = self(from_bytes(images.to(device))).argmax(dim=1).cpu()
        self.train(training)
        return predicted
