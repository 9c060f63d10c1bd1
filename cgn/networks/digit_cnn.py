"""The paper's CNN for the MNIST variants (appendix C), the same for every method.

BN - conv 5x5, 32 - ReLU - max-pool 3/2 - conv 3x3, 32 - ReLU - conv 3x3/2, 64 - ReLU - conv 3x3, 64 - ReLU -
average-pool 7 - linear 10. The paper does not state the padding of the first two layers:

- `unpadded`: none, so maps have 32 -> 28 -> 13 -> 13 -> 7 pixels, and the average covers the whole map.
  Weights are initialised as in He et al. (2015). torch's default shrinks the signal from layer to layer, and
  half of a short training would be spent on a plateau.
- `released`: as in the paper's released code, 2 and 1 pixels, so maps have 32 -> 32 -> 16 -> 16 -> 8 pixels,
  of which the average sees the first 7x7. Weights have torch's default initialisation.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from cgn.networks.classifier import Classifier

CLASSES = 10
FEATURES = 32  # channels of the second convolution
# The pixels, along either axis, on which the cells of its output are centred: 13 or 16 cells.
UNPADDED, RELEASED = slice(3, 29, 2), slice(0, 32, 2)


class DigitCNN(Classifier):
    """Logits (n, 10) of images (n, channels, 32, 32) in [-1, 1]; the weights are drawn from `seed`.

    `released` chooses between the two forms. `feature_pixels` are the pixels, along either axis, on which the
    cells of `features` are centred.
    On a CPU it is fastest with images in channels-last memory, as `cgn.io.pixels.from_bytes` returns them.
    """

    def __init__(self, seed: int, channels: int = 3, released: bool = False) -> None:
        super().__init__()
        self.released = released
        self.feature_pixels = RELEASED if released else UNPADDED
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.normalize = nn.BatchNorm2d(channels)
            self.conv_1 = nn.Conv2d(channels, 32, 5)
            self.conv_2 = nn.Conv2d(32, FEATURES, 3, padding=1)
            self.conv_3 = nn.Conv2d(FEATURES, 64, 3, stride=2, padding=1)
            self.conv_4 = nn.Conv2d(64, 64, 3, padding=1)
            self.linear = nn.Linear(64, CLASSES)
            for conv in () if released else (self.conv_1, self.conv_2, self.conv_3, self.conv_4):
                nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")
                if conv.bias is not None:
                    nn.init.zeros_(conv.bias)
        self.to(memory_format=torch.channels_last)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (n, 10)."""
        return self.classify(self.features(images))

    def features(self, images: Tensor) -> Tensor:
        """The second convolution's output after its ReLU, (n, 32, 13, 13), or 16x16 of the released form."""
        if self.released:
            x = functional.conv2d(self.normalize(images), self.conv_1.weight, self.conv_1.bias, padding=2)
        else:
            x = self._normalized_conv_1(images)
        # Pooling before the ReLU gives the same values and is cheaper.
        x = functional.relu(functional.max_pool2d(x, 3, 2, padding=int(self.released)))
        return functional.relu(self.conv_2(x))

    def classify(self, features: Tensor) -> Tensor:
        """Logits (n, 10) of the output of `features`."""
        x = functional.relu(self.conv_3(features))
        x = functional.relu(self.conv_4(x))
        if self.released:
            x = x[..., :7, :7]  # the average is 7x7, the map 8x8
        logits: Tensor = self.linear(x.mean(dim=(2, 3)))
        return logits

    def _normalized_conv_1(self, images: Tensor) -> Tensor:
        """conv_1(normalize(images)), with the norm's scale and shift moved into the convolution.

        This is the same function of the same parameters, but needs no gradient of the images, so training is
        1.5 times as fast.
        """
        norm, conv = self.normalize, self.conv_1
        standardized = functional.batch_norm(
            images,
            norm.running_mean,
            norm.running_var,
            None,
            None,
            self.training,
            norm.momentum or 0.0,
            norm.eps,
        )
        weight = conv.weight * norm.weight[:, None, None]
        bias = (conv.weight * norm.bias[:, None, None]).sum(dim=(1, 2, 3))
        if conv.bias is not None:
            bias = bias + conv.bias
        return functional.conv2d(standardized, weight, bias)
