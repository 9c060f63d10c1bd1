"""Learning not to learn (Kim et al. 2019): trains features from which the cue's colour cannot be predicted.

Three heads (R, G, B) predict the quantised colour of every cell from the second convolution's features h. The
losses are CE(label) - entropy_weight * H(heads(h)), with the heads held fixed, and CE(heads(reverse(h)),
colour), whose gradient trains the heads and reaches the features with reversed sign.

The CGN paper gives no details. Here:
- Each channel has `bins` bins. The second convolution's map has 13x13 cells, or 16x16 of the released network
  (Kim et al.: 14x14); the target is the pixel at the centre of a cell's receptive field.
- The two steps of Kim et al. (label loss and entropy; colour loss with reversed gradient) are one update on
  the same minibatch. The heads still learn from the colour loss only.
- The heads also learn during pre-training, without effect on the features.
- Colored MNIST: as published. Black pixels carry no cue and are ignored (`black_ground` of a variant).
- Double-colored MNIST: the cues are the colours of digit and background. The same three heads predict the
  colour of every pixel, because no pixel is black by design.
- Wildlife MNIST: the cues are textures, for which LNTL has no head. The same three heads predict the colour
  of every pixel, which is only a part of the texture.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from cgn.data.sources import Minibatch, concatenate
from cgn.io.pixels import from_bytes
from cgn.methods.algorithm import Algorithm, Setting
from cgn.methods.params import ClassifierParams, LNTLParams
from cgn.networks.digit_cnn import FEATURES, DigitCNN

IGNORED = -100  # target of cells that the colour loss leaves out


def quantized_colors(images: Tensor, pixels: slice, bins: int, ignore_black: bool) -> Tensor:
    """The colour bins, 0 to bins - 1, of the pixel at each feature cell: int64 (n, 3, cells, cells).

    `images` are uint8 (n, 32, 32, 3); `pixels` are those of the cells, along both axes. With
    `ignore_black`, cells at pixels (0, 0, 0) are `IGNORED`.
    """
    seen = images[:, pixels, pixels].permute(0, 3, 1, 2).long()
    colors = seen * bins // 256
    if ignore_black:
        colors = colors.masked_fill((seen == 0).all(dim=1, keepdim=True), IGNORED)
    return colors


class _ReverseGradient(torch.autograd.Function):
    """The identity, whose backward pass multiplies the gradient by -weight (Ganin and Lempitsky 2015)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: float) -> Tensor:
        """Returns `x`."""
        ctx.weight = weight
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        """Returns the gradient of `x`, and None for the weight."""
        return -ctx.weight * gradients[0], None


def reverse_gradient(x: Tensor, weight: float) -> Tensor:
    """Returns `x`; in the backward pass its gradient is multiplied by -weight."""
    reversed_: Tensor = _ReverseGradient.apply(x, weight)
    return reversed_


class ColorHeads(nn.Module):
    """Maps features (n, 32, h, w) to logits (n, bins, 3, h, w); the weights are drawn from `seed`."""

    def __init__(self, bins: int, seed: int) -> None:
        super().__init__()
        self.bins = bins
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.hidden = nn.Conv2d(FEATURES, 3 * FEATURES, 1)
            self.out = nn.Conv2d(3 * FEATURES, 3 * bins, 1, groups=3)

    def held_fixed(self, features: Tensor) -> Tensor:
        """The logits (n, bins, 3, h, w), without gradients of the heads' weights."""
        weights = {name: weight.detach() for name, weight in self.named_parameters()}
        logits: Tensor = torch.func.functional_call(self, weights, (features,))
        return logits

    def forward(self, features: Tensor) -> Tensor:
        """The logits (n, bins, 3, h, w)."""
        logits: Tensor = self.out(functional.relu(self.hidden(features)))
        return logits.view(len(features), 3, self.bins, *logits.shape[2:]).transpose(1, 2)


def entropy(logits: Tensor, counted: Tensor) -> Tensor:
    """The mean entropy (nats) over dimension 1 of `logits` (n, bins, ...), where `counted` (n, ...)."""
    log_p = logits.log_softmax(dim=1)
    cells = -(log_p.exp() * log_p).sum(dim=1)
    return (cells * counted).sum() / counted.sum().clamp(min=1)


class LNTL(Algorithm):
    """LNTL. In pre-training the heads learn to predict colours, without effect on the features."""

    def __init__(
        self,
        network: DigitCNN,
        steps: int,
        schedule: ClassifierParams,
        params: LNTLParams,
        seed: int,
        ignore_black: bool,
    ) -> None:
        """`seed` draws the heads' weights; with `ignore_black`, black pixels carry no cue."""
        self._heads = ColorHeads(params.bins, seed)
        super().__init__(network, steps, schedule, parts=[self._heads])
        self._network = network
        self._params = params
        self._ignore_black = ignore_black

    def update(self, minibatches: Sequence[Minibatch]) -> dict[str, float]:
        """Updates by both losses. Returns "loss" (of the label), "color_loss" and "color_entropy"."""
        params = self._params
        images, labels = concatenate(minibatches)
        colors = quantized_colors(images, self._network.feature_pixels, params.bins, self._ignore_black)
        unlearning = self.progress >= params.pretraining

        features = self._network.features(from_bytes(images))
        label_loss = functional.cross_entropy(self._network.classify(features), labels)
        # The heads' colour loss (Kim et al., step 2); in pre-training it has no gradient for the features.
        read = reverse_gradient(features, params.reversal_weight if unlearning else 0.0)
        color_loss = functional.cross_entropy(self._heads(read), colors, ignore_index=IGNORED)
        total = label_loss + color_loss
        # Entropy of the heads' predictions, held fixed, which the features increase (step 1).
        color_entropy = entropy(self._heads.held_fixed(features), colors != IGNORED)
        if unlearning:
            total = total - params.entropy_weight * color_entropy
        self._descend(total)
        return {
            "loss": label_loss.item(),
            "color_loss": color_loss.item(),
            "color_entropy": color_entropy.item(),
        }


def build(setting: Setting) -> LNTL:
    """Builds the algorithm for a setting. Raises TypeError for another network than `DigitCNN`."""
    if not isinstance(setting.network, DigitCNN):
        raise TypeError(f"LNTL reads features of the digits' CNN, not of {type(setting.network).__name__}")
    of = setting.network, setting.steps, setting.schedule, setting.params
    return LNTL(*of, setting.seed_of("heads"), setting.black_ground)
