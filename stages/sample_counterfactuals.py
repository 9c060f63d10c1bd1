"""Stage `sample_counterfactuals`: counterfactual images of one variant, as WebDataset shards."""

import logging
from pathlib import Path

from stages.command import run, section

MODELS = Path("models/mnist/cgn")
SHARDS = Path("data/mnist/shards")

log = logging.getLogger(__name__)


def main(variant: str) -> None:
    """Sample counterfactual images from the CGN of VARIANT."""
    seed = section("seed")
    params = section("mnist.counterfactuals")
    budget = section("budgets.sample_counterfactuals")

    from tqdm import tqdm

    from cgn.generators.mnist.sampling import sample_counterfactuals
    from cgn.generators.mnist.stored import load_cgn
    from cgn.io.shards import write_shards

    samples = sample_counterfactuals(load_cgn(MODELS / variant), params, seed, 0, budget.images)
    output = SHARDS / variant / "counterfactuals"
    written = write_shards(output, tqdm(samples, total=budget.images, unit="image"), budget.images_per_shard)
    log.info("%d counterfactual images are in %s", written, output)


if __name__ == "__main__":
    run(main)
