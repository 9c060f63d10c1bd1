"""Trains and measures a baseline with any settings, outside of the graph but by the graph's functions."""

import os
from pathlib import Path
from typing import Any

import numpy as np

from cgn.data.mnist.digits import load_digits
from cgn.data.mnist.textures import load_textures
from cgn.data.mnist.variants import VARIANTS, environment
from cgn.data.sources import Images
from cgn.generators.mnist.sampling import sample_gan
from cgn.generators.mnist.stored import load_gan
from cgn.generators.mnist.training import train_gan
from cgn.io.shards import write_shards
from cgn.methods.algorithm import Algorithm
from cgn.methods.building import Task, on_biased, on_environments, on_generated
from cgn.methods.registry import method_named
from cgn.methods.training import train
from cgn.metrics.accuracy import accuracy, predict
from cgn.params.schema import Params
from cgn.training.checkpoint import Checkpoint, fingerprint
from cgn.training.device import torch_device

ENVIRONMENTS = (0.9, 0.925, 0.95, 0.975, 1.0)  # correlations of cue and label (appendix C.4)
RANDOM_CUES = 0.0
PARTS = {"irm": ["irm_2", "irm_5"]}  # methods that share settings
# Shares of the profile's image passes; of `paper`, 250,000 and 150,000, enough to tell settings apart.
SHARE_ON_ENVIRONMENTS, SHARE_ON_BIASED = 5 / 12, 1 / 4


class Measure:
    """Trains the methods of a search on one variant and measures them on held-out digits."""

    def __init__(self, variant: str) -> None:
        self._variant = variant
        self._held_out: dict[float, Images] | None = None

    def __call__(self, search: str, params: Params) -> dict[str, Any]:
        """Accuracies in percent, by method, and `held_out_accuracy`, the mean over all environments."""
        if self._held_out is None:
            self._held_out = {
                correlation: images_of(self._variant, "validation", correlation, params)
                for correlation in (*ENVIRONMENTS, RANDOM_CUES)
            }
        methods = {}
        for method in PARTS.get(search, [search]):
            algorithm = _trained(self._variant, method, params, self._held_out[1.0])
            found = {
                correlation: accuracy(predict(algorithm, of.images), of.labels)
                for correlation, of in self._held_out.items()
            }
            methods[method] = {
                "held_out_accuracy": round(float(np.mean([found[rho] for rho in ENVIRONMENTS])), 3),
                "random_cue_accuracy": round(found[RANDOM_CUES], 2),
            }
        mean = float(np.mean([of["held_out_accuracy"] for of in methods.values()]))
        return {"held_out_accuracy": round(mean, 3), "methods": methods}


def images_of(variant: str, split: str, correlation: float, params: Params, *names: str | int) -> Images:
    """The digits of `split` with cues of a correlation, drawn by the seed and `names`."""
    budget, seed = params.budgets, params.seed
    digits = load_digits(budget.digits, seed)
    shapes, labels = digits[f"{split}_images"], digits[f"{split}_labels"]
    size = params.mnist.variants.wildlife_mnist.texture_size
    textures = load_textures(budget.textures, size, seed) if VARIANTS[variant].textured else None
    own, draw = getattr(params.mnist.variants, variant), (split, str(correlation), *names)
    return Images(environment(variant, shapes, labels, correlation, own, textures, seed, *draw), labels)


def _trained(variant: str, method: str, params: Params, validation: Images) -> Algorithm:
    """Trains `method` for its share of the profile's image passes."""
    budget, row = params.budgets, method_named(method)
    share = SHARE_ON_ENVIRONMENTS if row.data == "environments" else SHARE_ON_BIASED
    facts = getattr(params.mnist.variants, variant)
    passes = round(budget.train_classifiers.image_passes * share)
    task = Task(variant, params.mnist.classifier, passes, params.seed, facts.black_ground)
    own = getattr(params.methods, row.section or method).of(variant)
    if row.data == "environments":
        correlations = enumerate(own.correlations(method))
        environments = [images_of(variant, "train", rho, params, index) for index, rho in correlations]
        ready = on_environments(method, own, environments, task)
    else:
        biased = images_of(variant, "train", 1.0, params)
        if method == "gan":
            ready = on_generated(method, own, biased, _gan_shards(variant, biased, params), task)
        else:
            ready = on_biased(method, own, biased, task)
    checkpoint = Checkpoint(_scratch(variant) / f"{method}.pt", fingerprint([variant, method, params], []))
    train(*ready, validation, checkpoint, torch_device(params.device), f"{method} on {variant}")
    checkpoint.remove()
    return ready.algorithm


def _gan_shards(variant: str, biased: Images, params: Params) -> Path:
    """The images of the GAN with these settings, which is trained unless an earlier configuration has."""
    budget, adversarial = params.budgets, params.mnist.adversarial
    own = getattr(params.mnist.variants, variant)
    settings = [variant, own, adversarial, budget, params.seed, params.threads, params.device]
    run_id = fingerprint(settings, [])
    folder = _scratch(variant) / f"gan_{run_id[:12]}"
    shards = folder / "shards"
    if not shards.exists():
        checkpoint = Checkpoint(folder / "checkpoint.pt", run_id)
        labels = biased.labels.astype(np.uint8)
        train_gan(
            folder, biased.images, labels, adversarial, budget.train_gan.of(variant), params.seed, checkpoint,
            torch_device(params.device),
        )  # fmt: skip
        samples = sample_gan(load_gan(folder), params.seed, 0, budget.sample_gan.images)
        write_shards(shards, samples, budget.sample_gan.images_per_shard)
    return shards


def _scratch(variant: str) -> Path:
    folder = Path(os.environ.get("CGN_SCRATCH", ".scratch")) / "tuning" / variant
    folder.mkdir(parents=True, exist_ok=True)
    return folder
