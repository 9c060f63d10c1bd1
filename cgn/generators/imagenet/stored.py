"""A trained ImageNet CGN on disk: weights.safetensors, whose one metadata key holds the configuration."""

from pathlib import Path

from cgn.generators.imagenet.mechanisms import ImageNetCGN
from cgn.generators.pretraining.stored import load_saliency
from cgn.io.weights import load_weights, read_generator, write_generator
from cgn.networks.biggan import BigGANSizes

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
