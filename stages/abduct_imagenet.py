"""Stage `abduct_imagenet`: counterfactuals of the world's own images, as WebDataset shards."""

import logging
from pathlib import Path

from stages.command import run, section

WORLD = Path("data/imagenet/world")
FACTORS = Path("data/imagenet/factors")
SHARDS = Path("data/imagenet/shards")

log = logging.getLogger(__name__)


def main() -> None:
    """Compose counterfactuals: `abducted`, and `mixed`, whose objects keep their own texture."""
    seed, policy = section("seed"), section("imagenet.counterfactuals")
    patches, budget = section("imagenet.abduction.texture"), section("budgets.abduct_imagenet")
    patched_share = section("imagenet.abduction.patched_share")

    from tqdm import tqdm

    from cgn.generators.photos.factors import read_factors
    from cgn.generators.photos.sampling import Lenders, sample_photos
    from cgn.io.files import leave_out, read_json, why_left_out
    from cgn.io.shards import write_shards

    if reason := why_left_out(FACTORS):
        for name in ("abducted", "mixed"):
            leave_out(SHARDS / name, reason)
        return
    factors = read_factors(WORLD, FACTORS, "train")
    lenders = Lenders(factors, read_json(WORLD / "classes.json"))
    for name, share in (("abducted", patched_share), ("mixed", 0.0)):
        samples = sample_photos(factors, lenders, policy, patches, share, seed, 0, budget.images)
        shown = tqdm(samples, desc=name, total=budget.images, unit="image")
        written = write_shards(SHARDS / name, shown, budget.images_per_shard)
        log.info("%d counterfactual images are in %s", written, SHARDS / name)


if __name__ == "__main__":
    run(main)
