"""A trained ImageNet CGN on disk: the weights of its three generators, and what its training reported.

weights.safetensors (float32; its one metadata key holds the sizes and the truncation), history.csv,
gradient_shares.json and snapshots.safetensors.
"""

from pathlib import Path

import numpy as np

from cgn.generators.imagenet.mechanisms import ImageNetCGN
from cgn.generators.imagenet.training import TrainedCGN
from cgn.generators.pretraining.stored import load_saliency
from cgn.io.arrays import write_arrays
from cgn.io.files import atomic_folder, write_json
from cgn.io.histories import write_history
from cgn.io.weights import load_weights, read_generator, write_generator
from cgn.networks.biggan import BigGANSizes

WEIGHTS = "weights.safetensors"
HISTORY = "history.csv"
GRADIENT_SHARES = "gradient_shares.json"
SNAPSHOTS = "snapshots.safetensors"


def save_cgn(folder: Path, cgn: ImageNetCGN, trained: TrainedCGN) -> None:
    """Write the generators of `cgn` and the reports of its training as a new `folder`."""
    config = {"sizes": cgn.sizes._asdict(), "truncation": cgn.truncation}
    with atomic_folder(folder) as temporary:
        write_generator(temporary / WEIGHTS, cgn.generators.state_dict(), config)
        write_history(temporary / HISTORY, trained.history)
        write_json(temporary / GRADIENT_SHARES, trained.gradient_shares)
        sheets = {
            name: np.stack([sheet[name].numpy() for sheet in trained.snapshots])
            for name in trained.snapshots[0]
        }
        write_arrays(temporary / SNAPSHOTS, sheets)


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
