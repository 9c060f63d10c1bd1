"""The independent mechanisms of the ImageNet world (section 3.2, figure 2): a BigGAN each, and a U2-Net.

shape: a BigGAN draws the pre-mask, of which a frozen U2-Net makes the mask m; foreground: a BigGAN draws the
texture map f; background: a BigGAN draws b. The composer is Eq. 2. A fourth BigGAN, frozen, is what the three
start from; its images x_gt are the ones to reconstruct. On disk a trained CGN is one safetensors file, whose
metadata hold the configuration.
"""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple

from pytorch_pretrained_biggan import BigGAN
from torch import Tensor, nn

from cgn.generators.pretraining.stored import load_saliency
from cgn.io.weights import load_weights, read_generator, write_generator
from cgn.networks.biggan import BigGANSizes, build_biggan, generate
from cgn.networks.u2net import Saliency
from cgn.scm import IMAGENET_SCM, Mechanisms, compose


class Outputs(NamedTuple):
    """What the mechanisms draw: images (n, 3, r, r) in [-1, 1], and the mask (n, 1, r, r) in [0, 1]."""

    premask: Tensor
    mask: Tensor
    foreground: Tensor
    background: Tensor
    composite: Tensor


class ImageNetCGN(nn.Module):
    """The three mechanisms and the composer.

    All BigGANs stay in evaluation mode, with stored batch statistics, as the paper's batches of one demand.
    """

    def __init__(self, sizes: BigGANSizes, saliency: Saliency, truncation: float, seed: int) -> None:
        """Random generators; `start_from` copies trained weights. `truncation` is that of the noise."""
        super().__init__()
        self.sizes = sizes
        self.truncation = truncation
        self.saliency = saliency
        self.generators = nn.ModuleDict(
            {name: build_biggan(sizes, seed + number) for number, name in enumerate(IMAGENET_SCM.mechanisms)}
        ).eval()

    def start_from(self, cgan: BigGAN) -> None:
        """Give all three generators the weights of a trained one of the same sizes (section 3.2)."""
        for generator in self.generators.values():
            generator.load_state_dict(cgan.state_dict())

    def forward(self, noise: Mapping[str, Tensor], labels: Mapping[str, Tensor]) -> Outputs:
        """The images of noise (n, dimensions) and classes (n,) by mechanism: `shape`, `foreground`, …

        Classes may be mixtures, floats (n, classes), as of `generate`.
        """
        premasks: list[Tensor] = []
        nodes = IMAGENET_SCM.evaluate(self.mechanisms(self.truncation, premasks.append), labels, noise)
        return Outputs(*premasks, *nodes.values())

    def mechanisms(
        self, truncation: float, see: Callable[[Tensor], None] = lambda premask: None
    ) -> Mechanisms:
        """What computes each node of `IMAGENET_SCM`, by its name; `see` is shown the pre-mask."""

        def draw(name: str, labels: Tensor, noise: Tensor) -> Tensor:
            return generate(self.generators[name], noise, labels, truncation)

        def shape(labels: Tensor, noise: Tensor) -> Tensor:
            premask = draw("shape", labels, noise)
            see(premask)
            mask: Tensor = self.saliency(premask)
            return mask

        drawn = {name: partial(draw, name) for name in self.generators}
        return drawn | {"shape": shape, "composer": compose}

    def together(self, noise: Tensor, labels: Tensor) -> Outputs:
        """The same noise and class for all mechanisms, as while training (section 3.2)."""
        mechanisms = IMAGENET_SCM.mechanisms
        outputs: Outputs = self(dict.fromkeys(mechanisms, noise), dict.fromkeys(mechanisms, labels))
        return outputs


WEIGHTS = "weights.safetensors"


def save_cgn(folder: Path, cgn: ImageNetCGN) -> None:
    """Write the generators of `cgn`, their sizes and the truncation into `folder`."""
    config = {"sizes": cgn.sizes._asdict(), "truncation": cgn.truncation}
    write_generator(folder / WEIGHTS, cgn.generators.state_dict(), config)


def load_cgn(folder: Path, pretrained: Path) -> ImageNetCGN:
    """The CGN that `save_cgn` wrote, with the saliency of the folder `pretrained`, frozen.

    Raises UserError when a file is missing, damaged or of another architecture.
    """
    path = Path(folder) / WEIGHTS
    weights, config = read_generator(path)
    sizes = dict(config["sizes"])
    sizes["layers"] = tuple((bool(doubles), before, after) for doubles, before, after in sizes["layers"])
    cgn = ImageNetCGN(BigGANSizes(**sizes), load_saliency(pretrained), config["truncation"], seed=0)
    load_weights(cgn.generators, weights, path)
    return cgn.eval().requires_grad_(False)
