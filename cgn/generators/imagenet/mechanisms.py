"""The independent mechanisms of the ImageNet CGN (section 3.1, figure 2), and the file of a trained CGN.

For shape, a BigGAN draws the pre-mask, and a frozen U2-Net turns it into the mask m. For foreground and
background, a BigGAN each draws the texture map f and the background b. The composer is Eq. 2. The three
BigGANs start from a frozen one, whose images x_gt they learn to reconstruct. A refinement network after the
composer, which appendix F suggests, is optional.
"""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import torch
from pytorch_pretrained_biggan import BigGAN
from torch import Tensor, nn

from cgn.generators.pretraining.stored import load_saliency
from cgn.io.weights import load_generator, write_generator
from cgn.networks.biggan import BigGANSizes, build_biggan, generate
from cgn.networks.u2net import Saliency
from cgn.scm import IMAGENET_SCM, Mechanisms, compose


class Outputs(NamedTuple):
    """The outputs of the mechanisms: images (n, 3, r, r) in [-1, 1], and the mask (n, 1, r, r) in [0, 1]."""

    premask: Tensor
    mask: Tensor
    foreground: Tensor
    background: Tensor
    composite: Tensor


class Refinement(nn.Module):
    """Changes composites (n, 3, r, r) in [-1, 1] by what three 3x3 convolutions add, at first nothing.

    Appendix F suggests "a shallow refinement network after the composer" and does not describe it.
    """

    def __init__(self, features: int, seed: int) -> None:
        """The weights are drawn from `seed`."""
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            last = nn.Conv2d(features, 3, 3, padding=1)
            self.layers = nn.Sequential(
                *(nn.Conv2d(3, features, 3, padding=1), nn.ReLU()),
                *(nn.Conv2d(features, features, 3, padding=1), nn.ReLU()),
                last,
            )
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)  # type: ignore[arg-type]

    def forward(self, images: Tensor) -> Tensor:
        """The refined images."""
        refined: Tensor = images + self.layers(images)
        return refined.clamp(-1, 1)


class ImageNetCGN(nn.Module):
    """The three mechanisms and the composer, with a refinement network behind it if it has `features`.

    `trained` are the networks that learn: the generators by mechanism, and "refinement".

    All BigGANs stay in evaluation mode, i.e. they use stored batch statistics, as the paper's batches of 1
    require.
    """

    def __init__(
        self, sizes: BigGANSizes, saliency: Saliency, truncation: float, seed: int, features: int = 0
    ) -> None:
        """The weights are drawn from `seed`; `truncation` is that of the noise, in (0, 1]."""
        super().__init__()
        self.sizes = sizes
        self.truncation = truncation
        self.saliency = saliency
        self.generators = nn.ModuleDict(
            {name: build_biggan(sizes, seed + number) for number, name in enumerate(IMAGENET_SCM.mechanisms)}
        ).eval()
        self.refinement = Refinement(features, seed + len(self.generators)) if features else None
        added = {"refinement": self.refinement} if self.refinement else {}
        self.trained = nn.ModuleDict({**self.generators, **added})

    def start_from(self, cgan: BigGAN) -> None:
        """Copies the weights of a trained BigGAN of the same sizes to all three generators (section 3.1)."""
        for generator in self.generators.values():
            generator.load_state_dict(cgan.state_dict())

    def forward(self, noise: Mapping[str, Tensor], labels: Mapping[str, Tensor]) -> Outputs:
        """Draws images from noise (n, dimensions) and labels (n,), both by the name of the mechanism.


        Labels may also be mixtures of classes, floats (n, classes), as in `generate`.
        """
        premasks: list[Tensor] = []
        nodes = IMAGENET_SCM.evaluate(self.mechanisms(self.truncation, premasks.append), labels, noise)
        return Outputs(*premasks, *nodes.values())

    def mechanisms(
        self, truncation: float, see: Callable[[Tensor], None] = lambda premask: None
    ) -> Mechanisms:
        """The mechanisms of `IMAGENET_SCM` by name; `see` is called with the pre-mask."""

        def draw(name: str, labels: Tensor, noise: Tensor) -> Tensor:
            return generate(self.generators[name], noise, labels, truncation)

        def shape(labels: Tensor, noise: Tensor) -> Tensor:
            premask = draw("shape", labels, noise)
            see(premask)
            mask: Tensor = self.saliency(premask)
            return mask

        def composer(mask: Tensor, foreground: Tensor, background: Tensor) -> Tensor:
            composite = compose(mask, foreground, background)
            return composite if self.refinement is None else self.refinement(composite)

        drawn = {name: partial(draw, name) for name in self.generators}
        return drawn | {"shape": shape, "composer": composer}

    def together(self, noise: Tensor, labels: Tensor) -> Outputs:
        """Draws images with the same noise and labels for all mechanisms, as in training (section 3.1)."""
        mechanisms = IMAGENET_SCM.mechanisms
        outputs: Outputs = self(dict.fromkeys(mechanisms, noise), dict.fromkeys(mechanisms, labels))
        return outputs


WEIGHTS = "weights.safetensors"


def save_cgn(folder: Path, cgn: ImageNetCGN) -> None:
    """Writes the trained networks of `cgn`, their sizes and the truncation to `folder`."""
    config = {"sizes": cgn.sizes._asdict(), "truncation": cgn.truncation}
    if cgn.refinement is not None:
        config["features"] = cgn.refinement.layers[0].out_channels
    write_generator(folder / WEIGHTS, cgn.trained.state_dict(), config)


def load_cgn(folder: Path, pretrained: Path) -> ImageNetCGN:
    """Loads the CGN that `save_cgn` wrote, frozen, with the U2-Net of the folder `pretrained`.

    Raises UserError when a file is missing, damaged or of another architecture.
    """
    saliency = load_saliency(pretrained)

    def build(config: dict[str, Any]) -> ImageNetCGN:
        sizes = dict(config["sizes"])
        sizes["layers"] = tuple((bool(doubles), before, after) for doubles, before, after in sizes["layers"])
        features = config.get("features", 0)
        return ImageNetCGN(BigGANSizes(**sizes), saliency, config["truncation"], 0, features)

    return load_generator(Path(folder) / WEIGHTS, build, "trained")
