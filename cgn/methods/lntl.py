"""Learning not to learn (Kim et al. 2019): features from which the cue's colour cannot be read.

Three heads (R, G, B) read the quantised colour of every cell from the second convolution's features h.
Objective: CE(label) - entropy_weight * H(heads(h)), heads held fixed, and CE(heads(reverse(h)), colour),
whose gradient teaches the heads and reaches the features with its sign reversed.

The CGN paper only names it. Here:
- The heads read the colour in 8 bins. The second convolution's map has 13x13 cells (14x14 in theirs); the
  target is the pixel at the centre of a cell's receptive field.
- Their two steps (label loss and entropy; colour loss through the reversed gradient) are taken in one
  update on the same minibatch. The heads still learn from the colour loss alone.
- The heads also learn during pre-training, with no effect on the features.
- Colored MNIST: as published; black pixels carry no cue and are ignored (`black_ground` of a variant).
- Double-colored MNIST: two cues, the digit's and the ground's colour. No pixel is black by design, so all are
  read: the same three heads see object and background.
- Wildlife MNIST: the cues are textures, for which LNTL has no head. The same three heads read the colour of
  every pixel, object and background: a stand-in for the texture, not all of it.
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
from cgn.networks.digit_cnn import FEATURE_MAP_PIXELS, FEATURES, DigitCNN

IGNORED = -100  # the target that cross_entropy leaves out


def quantized_colors(images: Tensor, bins: int, ignore_black: bool) -> Tensor:
    """Bin 0..bins-1 of each channel at the pixel under each feature cell: int64 (n, 3, 13, 13).

    `images` uint8 (n, 32, 32, 3). With `ignore_black`, cells on pixels (0, 0, 0) are `IGNORED`.
    """
    pixels = images[:, FEATURE_MAP_PIXELS, FEATURE_MAP_PIXELS].permute(0, 3, 1, 2).long()
    colors = pixels * bins // 256
    if ignore_black:
        colors = colors.masked_fill((pixels == 0).all(dim=1, keepdim=True), IGNORED)
    return colors


class _ReverseGradient(torch.autograd.Function):
    """Identity forward; multiplies the gradient by -weight on the way back (Ganin and Lempitsky 2015)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: float) -> Tensor:
        ctx.weight = weight
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        return -ctx.weight * gradients[0], None


def reverse_gradient(x: Tensor, weight: float) -> Tensor:
    """`x`, whose gradient will be multiplied by -weight."""
    reversed_: Tensor = _ReverseGradient.apply(x, weight)
    return reversed_


class ColorHeads(nn.Module):
    """Features (n, 32, 13, 13) to logits (n, bins, 3, 13, 13); weights drawn from `seed` alone."""

    def __init__(self, bins: int, seed: int) -> None:
        super().__init__()
        self.bins = bins
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.hidden = nn.Conv2d(FEATURES, 3 * FEATURES, 1)
            self.out = nn.Conv2d(3 * FEATURES, 3 * bins, 1, groups=3)

    def held_fixed(self, features: Tensor) -> Tensor:
        """The same logits, without gradients for the heads' weights."""
        weights = {name: weight.detach() for name, weight in self.named_parameters()}
        logits: Tensor = torch.func.functional_call(self, weights, (features,))
        return logits

    def forward(self, features: Tensor) -> Tensor:
        logits: Tensor = self.out(functional.relu(self.hidden(features)))
        return logits.view(len(features), 3, self.bins, *logits.shape[2:]).transpose(1, 2)


def entropy(logits: Tensor, counted: Tensor) -> Tensor:
    """Mean entropy (nats) over dimension 1 of `logits` (n, bins, ...) where `counted` (n, ...) is true."""
    log_p = logits.log_softmax(dim=1)
    cells = -(log_p.exp() * log_p).sum(dim=1)
    return (cells * counted).sum() / counted.sum().clamp(min=1)


class LNTL(Algorithm):
    """Pre-training first, in which the heads learn to read the features without touching them."""

    def __init__(
        self,
        network: DigitCNN,
        steps: int,
        schedule: ClassifierParams,
        params: LNTLParams,
        seed: int,
        ignore_black: bool,
    ) -> None:
        """`seed` draws the heads' weights; `ignore_black` says that black pixels carry no cue."""
        self._heads = ColorHeads(params.bins, seed)
        super().__init__(network, steps, schedule, parts=[self._heads])
        self._network = network
        self._params = params
        self._ignore_black = ignore_black

    def update(self, minibatches: Sequence[Minibatch]) -> dict[str, float]:
        """One step on both objectives. Returns "loss" (of the label), "color_loss" and "color_entropy"."""
        params = self._params
        images, labels = concatenate(minibatches)
        colors = quantized_colors(images, params.bins, self._ignore_black)
        unlearning = self.progress >= params.pretraining

        features = self._network.features(from_bytes(images))
        label_loss = functional.cross_entropy(self._network.classify(features), labels)
        # The heads' own loss; the features climb it (step 2 of Kim et al.) or, before, do not feel it.
        read = reverse_gradient(features, params.reversal_weight if unlearning else 0.0)
        color_loss = functional.cross_entropy(self._heads(read), colors, ignore_index=IGNORED)
        total = label_loss + color_loss
        # The features make the heads' answers uncertain; the heads hold still (step 1).
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
    """The algorithm on a setting."""
    if not isinstance(setting.network, DigitCNN):
        raise TypeError(f"LNTL reads features of the digits' CNN, not of {type(setting.network).__name__}")
    of = setting.network, setting.steps, setting.schedule, setting.params
    return LNTL(*of, setting.seed_of("heads"), setting.black_ground)
