"""Stage `sample_imagenet_counterfactuals`: counterfactuals of the ImageNet CGN, as WebDataset shards."""

import logging
from collections.abc import Iterator
from pathlib import Path

from stages.command import SCRATCH, run, section

MODEL = Path("models/imagenet/cgn/all")
PRETRAINED = Path("models/imagenet/pretrained")
OUTPUT = Path("data/imagenet/shards/counterfactuals")

log = logging.getLogger(__name__)


def main() -> None:
    """Sample counterfactual images from the trained CGN."""
    seed, threads, device = section("seed"), section("threads"), section("device")
    params = section("imagenet.counterfactuals")
    truncation = section("imagenet.sampling.truncation")
    budget = section("budgets.sample_imagenet_counterfactuals")

    from tqdm import tqdm

    from cgn import ranks
    from cgn.generators.drawn_shards import draw_shards
    from cgn.generators.imagenet.mechanisms import load_cgn
    from cgn.generators.imagenet.sampling import sample_counterfactuals
    from cgn.generators.pretraining.stored import world_resolution
    from cgn.io.shards import Sample
    from cgn.training.checkpoint import fingerprint
    from cgn.training.device import torch_device

    cgn = load_cgn(MODEL, PRETRAINED).to(torch_device(device))
    resolution = world_resolution(PRETRAINED)
    depends_on = fingerprint([seed, threads, device, params, truncation, budget], [PRETRAINED, MODEL])
    with tqdm(total=-(-budget.images // ranks.count()), unit="image") as bar:

        def draw(start: int, stop: int) -> Iterator[Sample]:
            for sample in sample_counterfactuals(cgn, params, truncation, seed, start, stop, resolution):
                yield sample
                bar.update()

        scratch = SCRATCH / "sample_imagenet_counterfactuals"
        draw_shards(OUTPUT, draw, budget.images, budget.images_per_shard, scratch, depends_on)
    log.info("%d counterfactual images are in %s", budget.images, OUTPUT)


if __name__ == "__main__":
    run(main, in_ranks=True)
