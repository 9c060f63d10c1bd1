"""The paper's CNN for the MNIST variants (appendix C), the same for every method.

BN - conv 5x5, 32 - ReLU - max-pool 3/2 - conv 3x3, 32 - ReLU - conv 3x3/2, 64 - ReLU - conv 3x3, 64 - ReLU -
average-pool 7 - linear 10. The paper does not state the padding. Here the first two layers have none, so maps
have 32 -> 28 -> 13 -> 13 -> 7 pixels and the 7x7 average covers the whole map. The released code pads both (2
and 1 pixels), has 3x3 convolutions without bias, and averages 7x7 pixels of an 8x8 map.

Weights are initialised as in He et al. (2015). torch's default shrinks the signal from layer to layer, and
half of a short training would be spent on a plateau.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from cgn.networks.classifier import Classifier

CLASSES = 10
FEATURES = 32  # channels of the second convolution
FEATURE_MAP_SIZE = 13  # height and width of its output, in cells
# Along either axis, cell i of that output is centred on pixel 3 + 2 i of the image.
FEATURE_MAP_PIXELS = slice(3, 3 + 2 * FEATURE_MAP_SIZE, 2)


class DigitCNN(Classifier):
    """Logits (n, 10) of images (n, channels, 32, 32) in [-1, 1]; the weights are drawn from `seed`.

    On a CPU it is fastest with images in channels-last memory, as `cgn.io.pixels.from_bytes` returns them.
    """

    def __init__(self, seed: int, channels: int = 3) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.normalize = nn.BatchNorm2d(channels)
            self.conv_1 = nn.Conv2d(channels, 32, 5)
            self.conv_2 = nn.Conv2d(32, FEATURES, 3, padding=1)
            self.conv_3 = nn.Conv2d(FEATURES, 64, 3, stride=2, padding=1)
            self.conv_4 = nn.Conv2d(64, 64, 3, padding=1)
            self.linear = nn.Linear(64, CLASSES)
            for conv in (self.conv_1, self.conv_2, self.conv_3, self.conv_4):
                nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")
                if conv.bias is not None:
                    nn.init.zeros_(conv.bias)
        self.to(memory_format=torch.channels_last)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (n, 10)."""
        return self.classify(self.features(images))

    def features(self, images: Tensor) -> Tensor:
        """The second convolution's output after its ReLU, (n, 32, 13, 13)."""
        # Pooling before the ReLU gives the same values and is cheaper.
        x = functional.relu(functional.max_pool2d(self._normalized_conv_1(images), 3, 2))
        return functional.relu(self.conv_2(x))

    def classify(self, features: Tensor) -> Tensor:
        """Logits (n, 10) of the output of `features`."""
        x = functional.relu(self.conv_3(features))
        x = functional.relu(self.conv_4(x))
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
