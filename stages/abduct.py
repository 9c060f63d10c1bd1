"""Stage `abduct`: counterfactuals of the real images of one variant, as WebDataset shards."""

import logging
from pathlib import Path

from stages.command import SCRATCH, run, section

MODELS = Path("models/mnist")
DATA = Path("data/mnist")

_log = logging.getLogger(__name__)


def main(variant: str) -> None:
    """Train a segmenter on images of the CGN of VARIANT, read the masks of the real training images, and draw
    these shapes in counterfactual textures."""
    seed, threads, device = section("seed"), section("threads"), section("device")
    params, policy = section("mnist.abduction.segmenter"), section("mnist.counterfactuals")
    observed = section(f"mnist.abduction.backgrounds.{variant}") == "observed"
    budget = section("budgets.abduct")

    from tqdm import tqdm

    from cgn.generators.mnist.abduction import (
        read_masks,
        sample_given_shapes,
        save_segmenter,
        train_segmenter,
    )
    from cgn.generators.mnist.stored import load_cgn
    from cgn.io.arrays import read_arrays
    from cgn.io.shards import write_shards
    from cgn.seeding import seed_for
    from cgn.training.checkpoint import Checkpoint, fingerprint
    from cgn.training.device import torch_device

    generator, source = MODELS / "cgn" / variant, DATA / "variants" / f"{variant}.safetensors"
    output, shards = MODELS / "segmenter" / variant, DATA / "shards" / variant / "abducted"
    cgn, arrays = load_cgn(generator), read_arrays(source)
    own_seed = seed_for(seed, "abduct", variant)
    run_id = fingerprint([seed, threads, device, params, budget], [generator])
    checkpoint = Checkpoint(SCRATCH / "abduct" / f"{variant}.pt", run_id)
    segmenter = train_segmenter(
        cgn, params, budget.drawn, budget.image_passes, own_seed, checkpoint, torch_device(device)
    )
    save_segmenter(output, segmenter, params)
    masks = read_masks(segmenter, arrays["train_images"])
    backgrounds = arrays["train_images"] if observed else None
    labels = arrays["train_labels"]
    samples = sample_given_shapes(cgn, masks, labels, backgrounds, policy, own_seed, 0, budget.images)
    written = write_shards(shards, tqdm(samples, total=budget.images, unit="image"), budget.images_per_shard)
    checkpoint.remove()
    _log.info("%d counterfactuals of real images are in %s, the segmenter in %s", written, shards, output)


if __name__ == "__main__":
    run(main)
