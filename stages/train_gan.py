"""Stage `train_gan`: the GAN baseline of one variant, and its samples as WebDataset shards.

One stage for both, unlike the CGN's two: there is no sampling policy to try out on a trained GAN.
"""

import logging
from pathlib import Path

from stages.command import SCRATCH, run, section

DATA = Path("data/mnist/variants")
MODELS = Path("models/mnist/gan")
SHARDS = Path("data/mnist/shards")

_log = logging.getLogger(__name__)


def main(variant: str) -> None:
    """Train a conditional GAN, as large as the CGN, on the biased training images of VARIANT; sample it."""
    seed, threads, device = section("seed"), section("threads"), section("device")
    adversarial = section("mnist.adversarial")
    budget, sampling = section("budgets.train_gan").of(variant), section("budgets.sample_gan")

    from tqdm import tqdm

    from cgn.generators.mnist.sampling import sample_gan
    from cgn.generators.mnist.stored import load_gan
    from cgn.generators.mnist.training import train_gan
    from cgn.io.arrays import read_arrays
    from cgn.io.files import atomic_folder
    from cgn.io.shards import write_shards
    from cgn.training.checkpoint import Checkpoint, fingerprint
    from cgn.training.device import torch_device

    source, output, shards = DATA / f"{variant}.safetensors", MODELS / variant, SHARDS / variant / "gan"
    arrays = read_arrays(source)
    run_id = fingerprint([seed, threads, device, adversarial, budget], [source])
    checkpoint = Checkpoint(SCRATCH / "train_gan" / f"{variant}.pt", run_id)
    _log.info("training the GAN of %s: %d steps of %d images", variant, budget.steps, budget.batch)
    images, labels = arrays["train_images"], arrays["train_labels"]
    with atomic_folder(output) as folder:
        train_gan(folder, images, labels, adversarial, budget, seed, checkpoint, torch_device(device))
    _log.info("weights and training history are in %s", output)
    samples = sample_gan(load_gan(output), seed, 0, sampling.images)
    write_shards(shards, tqdm(samples, total=sampling.images, unit="image"), sampling.images_per_shard)
    checkpoint.remove()
    _log.info("%d GAN images are in %s", sampling.images, shards)


if __name__ == "__main__":
    run(main)
