"""Trains the small networks of a world, stores them, and scores them on held-out renders."""

import logging
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from cgn.data.emoji.world import render
from cgn.generators.params import PretrainingBudget, PretrainingParams
from cgn.generators.pretraining.biggan_training import train_biggan
from cgn.generators.pretraining.scenes import Renders
from cgn.generators.pretraining.small_networks import (
    answer_scores,
    segmentation_scores,
    train_saliency,
    train_segmenter,
    train_vgg,
)
from cgn.generators.pretraining.stored import (
    load_saliency,
    load_segmenter,
    load_vgg,
    save_network,
    weights_file,
)
from cgn.io.files import read_json, write_json
from cgn.networks.biggan import BIGGAN_SMALL
from cgn.networks.u2net import U2NET_SMALL
from cgn.networks.unet import SEGMENTER_SMALL
from cgn.networks.vgg import QUESTIONS, VGG_SMALL
from cgn.training.checkpoint import Checkpoint

NETWORKS = ("u2net", "vgg", "segmenter", "biggan")
SCORES = "scores.json"

log = logging.getLogger(__name__)


def pretrain(
    folder: Path,  # gets <name>.safetensors of each network, and scores.json
    names: Sequence[str],  # some of NETWORKS
    world: Callable[[], tuple[NDArray[np.uint8], NDArray[np.int64]]],  # images and labels for the BigGAN
    resolution: int,  # of all images, in pixels
    params: PretrainingParams,
    budget: PretrainingBudget,
    seed: int,
    checkpoint: Callable[[str], Checkpoint],  # of each network, by name
    device: torch.device,
) -> None:
    """Trains the networks `names`; files and scores of other networks in `folder` stay.

    All but the BigGAN are trained on renders of other kinds of objects than the world's, with random cues, so
    that they know neither the world's shapes nor that a cue goes with a class. The stored weights are scored
    on these at held-out poses, and the segmenters on the world's glyphs, too.
    """
    draw = partial(
        render, resolution=resolution, background_correlation=0.0, surface_correlation=0.0, seed=seed
    )
    count = budget.renders if set(names) - {"biggan"} else 0
    log.info("rendering %d images with random cues", count)
    renders = draw("other_glyphs", 0, count)
    shown = Renders(renders["images"], renders["masks"], renders["backgrounds"])

    def train(name: str) -> nn.Module:
        kept = checkpoint(name)
        if name == "u2net":
            passes = budget.u2net.image_passes
            return train_saliency(shown, U2NET_SMALL, params.u2net, passes, seed, kept, device)
        if name == "segmenter":
            passes = budget.segmenter.image_passes
            return train_segmenter(shown, SEGMENTER_SMALL, params.segmenter, passes, seed, kept, device)
        if name == "vgg":
            answers = np.stack([renders[question] for question in QUESTIONS], axis=1)
            passes = budget.vgg.image_passes
            return train_vgg(shown.images, answers, VGG_SMALL, params.vgg, passes, seed, kept, device)
        images, labels = world()
        sizes = BIGGAN_SMALL._replace(start=resolution // 16, classes=int(labels.max()) + 1)
        trained = train_biggan(images, labels, sizes, params.biggan, budget.biggan, seed, kept, device)
        network: nn.Module = trained.network
        return network

    def score(name: str) -> dict[str, dict[str, float]]:
        held_out = {
            "held_out_poses": draw("other_glyphs", count, count + budget.held_out),
            "glyphs_of_the_world": draw("validation", 0, budget.held_out),
        }
        if name == "vgg":
            network = load_vgg(folder)
            return {"held_out_poses": answer_scores(network, held_out["held_out_poses"])}
        segmenter = load_saliency(folder) if name == "u2net" else load_segmenter(folder)
        assert segmenter is not None  # it has just been trained
        return {key: segmentation_scores(segmenter, arrays) for key, arrays in held_out.items()}

    scores = read_json(folder / SCORES) if (folder / SCORES).exists() else {}
    for name in names:
        save_network(weights_file(folder, name), train(name))
        if name != "biggan":
            scores[name] = score(name)
            log.info("%s: %s", name, scores[name])
    write_json(folder / SCORES, scores)
