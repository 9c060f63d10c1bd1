"""Stage `abduct`: counterfactuals of the real images of one variant, as WebDataset shards."""

import logging
from pathlib import Path

from stages.command import run, section
from stages.run import StageRun

log = logging.getLogger(__name__)


def main(variant: str) -> None:
    """Train a segmenter on images of the CGN of VARIANT, and draw counterfactuals of the training images.

    The segmenter predicts the masks of the real training images; the CGN draws the textures around them.
    """
    stage = StageRun("abduct")
    abduction, policy = section("mnist.abduction").of(variant), section("mnist.counterfactuals")
    params, observed = abduction.segmenter, abduction.backgrounds == "observed"
    budget = section("budgets.abduct")

    from tqdm import tqdm

    from cgn.generators.mnist.abduction import read_masks, sample_given_shapes, save_segmenter
    from cgn.generators.mnist.segmenter_training import train_segmenter
    from cgn.generators.mnist.stored import load_cgn
    from cgn.io.arrays import read_arrays
    from cgn.io.shards import write_shards
    from cgn.seeding import seed_for

    generator, shards = Path(f"models/mnist/cgn/{variant}"), Path(f"data/mnist/shards/{variant}/abducted")
    cgn, arrays = load_cgn(generator), read_arrays(Path(f"data/mnist/variants/{variant}.safetensors"))
    images, labels = arrays["train_images"], arrays["train_labels"]
    seed = seed_for(stage.seed, "abduct", variant)
    with stage.output(
        Path(f"models/mnist/segmenter/{variant}"), variant, [params, budget], [generator]
    ) as output:
        segmenter = train_segmenter(
            cgn, params, budget.drawn, budget.image_passes, seed, output.checkpoint, stage.device
        )
        save_segmenter(output.folder, segmenter, params)
        masks, backgrounds = read_masks(segmenter, images), images if observed else None
        samples = sample_given_shapes(cgn, masks, labels, backgrounds, policy, seed, 0, budget.images)
        write_shards(shards, tqdm(samples, total=budget.images, unit="image"), budget.images_per_shard)
    log.info("%d counterfactuals of real images are in %s", budget.images, shards)


if __name__ == "__main__":
    run(main)
