"""Stage `sample_gan`: images from the GAN baseline of one variant, as WebDataset shards."""

import logging
from pathlib import Path

from stages.command import run, section

MODELS = Path("models/mnist/gan")
SHARDS = Path("data/mnist/shards")

_log = logging.getLogger(__name__)


def main(variant: str) -> None:
    """Sample images from the GAN of VARIANT."""
    seed = section("seed")
    budget = section("budgets.sample_gan")

    from tqdm import tqdm

    from cgn.mnist.generators.sampling import sample_gan
    from cgn.mnist.generators.stored import load_gan
    from cgn.shards import write_shards

    samples = sample_gan(load_gan(MODELS / variant), seed, 0, budget.images)
    output = SHARDS / variant / "gan"
    written = write_shards(output, tqdm(samples, total=budget.images, unit="image"), budget.images_per_shard)
    _log.info("%d GAN images are in %s", written, output)


if __name__ == "__main__":
    run(main)
