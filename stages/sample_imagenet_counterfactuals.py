"""Stage `sample_imagenet_counterfactuals`: counterfactuals of the ImageNet CGN, as WebDataset shards."""

import logging
from pathlib import Path

from stages.command import run, section

MODEL = Path("models/imagenet/cgn/all")
PRETRAINED = Path("models/imagenet/pretrained")
OUTPUT = Path("data/imagenet/shards/counterfactuals")

log = logging.getLogger(__name__)


def main() -> None:
    """Sample counterfactual images from the trained CGN."""
    seed, device = section("seed"), section("device")
    params = section("imagenet.counterfactuals")
    truncation = section("imagenet.sampling.truncation")
    budget = section("budgets.sample_imagenet_counterfactuals")

    from tqdm import tqdm

    from cgn.generators.imagenet.mechanisms import load_cgn
    from cgn.generators.imagenet.sampling import sample_counterfactuals
    from cgn.generators.pretraining.stored import world_resolution
    from cgn.io.shards import write_shards
    from cgn.training.device import torch_device

    cgn = load_cgn(MODEL, PRETRAINED).to(torch_device(device))
    resolution = world_resolution(PRETRAINED)
    samples = sample_counterfactuals(cgn, params, truncation, seed, 0, budget.images, resolution)
    written = write_shards(OUTPUT, tqdm(samples, total=budget.images, unit="image"), budget.images_per_shard)
    log.info("%d counterfactual images are in %s", written, OUTPUT)


if __name__ == "__main__":
    run(main)
