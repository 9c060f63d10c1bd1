"""Trains an ImageNet CGN from a folder of pre-trained networks, and writes it to a folder."""

from pathlib import Path

import numpy as np
import torch

from cgn.errors import UserError
from cgn.generators.imagenet.mechanisms import ImageNetCGN, save_cgn
from cgn.generators.imagenet.training import train_cgn
from cgn.generators.params import ImageNetCGNBudget, ImageNetCGNParams
from cgn.generators.pretraining.stored import load_cgan, load_features, load_judge, load_saliency
from cgn.io.arrays import write_arrays
from cgn.io.files import write_json
from cgn.io.histories import write_history
from cgn.networks.biggan import sizes_of
from cgn.seeding import seed_for
from cgn.training.checkpoint import Checkpoint


def train_and_save_cgn(
    folder: Path,
    pretrained: Path,  # of the stage `pretrained_networks`
    params: ImageNetCGNParams,
    budget: ImageNetCGNBudget,
    seed: int,
    checkpoint: Checkpoint,
    device: torch.device,
) -> None:
    """Trains a CGN on `device` and writes it to `folder`, which `load_cgn` reads.

    The folder also gets history.csv, gradient_shares.json and snapshots.safetensors (see `TrainedCGN`).
    Raises UserError when a pre-trained network is missing or damaged, or when the patches are larger than the
    images.
    """
    cgan = load_cgan(pretrained).to(device)
    resolution = sizes_of(cgan).resolution
    if params.patch_size > resolution:
        raise UserError(
            f"imagenet.cgn.patch_size: {params.patch_size} pixels do not fit into images of {resolution}"
        )
    start, features = seed_for(seed, "cgn/start"), params.refinement.features
    cgn = ImageNetCGN(sizes_of(cgan), load_saliency(pretrained), params.truncation, start, features).to(
        device
    )
    if params.start == "pretrained":
        cgn.start_from(cgan)
    perceptual = load_features(pretrained).to(device)
    judge = load_judge(pretrained).to(device)
    trained = train_cgn(cgn, cgan, perceptual, judge, params, budget, seed, checkpoint)
    save_cgn(folder, cgn)
    write_history(folder / "history.csv", trained.history)
    write_json(folder / "gradient_shares.json", trained.gradient_shares)
    sheets = {
        name: np.stack([sheet[name].numpy() for sheet in trained.snapshots]) for name in trained.snapshots[0]
    }
    write_arrays(folder / "snapshots.safetensors", sheets)
