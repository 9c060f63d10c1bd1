"""Stage `train_gan`: the GAN baseline of one variant, and its samples as WebDataset shards.

Training and sampling are one stage, because a GAN has no sampling policy that could change without training.
"""

import logging
from pathlib import Path

from stages.command import run, section
from stages.run import StageRun

log = logging.getLogger(__name__)


def main(variant: str) -> None:
    """Train a conditional GAN, as large as the CGN, on the biased training images of VARIANT; sample it."""
    stage = StageRun("train_gan")
    adversarial = section("mnist.adversarial")
    budget, sampling = section("budgets.train_gan").of(variant), section("budgets.sample_gan")

    from tqdm import tqdm

    from cgn.generators.mnist.sampling import sample_gan
    from cgn.generators.mnist.stored import load_gan
    from cgn.generators.mnist.training import train_gan
    from cgn.io.arrays import read_arrays
    from cgn.io.shards import write_shards

    source, folder = Path(f"data/mnist/variants/{variant}.safetensors"), Path(f"models/mnist/gan/{variant}")
    arrays, shards = read_arrays(source), Path(f"data/mnist/shards/{variant}/gan")
    log.info("training the GAN of %s: %d steps of %d images", variant, budget.steps, budget.batch)
    with stage.output(folder, variant, [adversarial, budget], [source]) as output:
        train_gan(
            output.folder, arrays["train_images"], arrays["train_labels"], adversarial, budget, stage.seed,
            output.checkpoint, stage.device,
        )  # fmt: skip
        samples = sample_gan(load_gan(output.folder), stage.seed, 0, sampling.images)
        write_shards(shards, tqdm(samples, total=sampling.images, unit="image"), sampling.images_per_shard)
    log.info("%d GAN images are in %s", sampling.images, shards)


if __name__ == "__main__":
    run(main)
