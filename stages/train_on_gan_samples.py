"""Stage `train_on_gan_samples`: a classifier on the biased images of one variant and samples of its GAN."""

from pathlib import Path

from stages.command import SCRATCH, run, section

METHOD = "gan"


def main(variant: str) -> None:
    """Train Original + GAN on VARIANT."""
    seed, threads = section("seed"), section("threads")
    schedule = section("mnist.classifier")
    params = section("methods.gan")
    budget = section("budgets.train_on_gan_samples")

    from cgn.classifiers.network import DigitCNN
    from cgn.classifiers.sources import Images
    from cgn.classifiers.streaming import real_and_generated
    from cgn.classifiers.training import Run, steps_for, train_and_save
    from cgn.common.arrays import read_arrays
    from cgn.common.checkpoint import Checkpoint, fingerprint
    from cgn.common.seeding import seed_for
    from cgn.methods.erm import ERM

    data, shards = (
        Path(f"data/mnist/variants/{variant}.safetensors"),
        Path(f"data/mnist/shards/{variant}/gan"),
    )
    arrays = read_arrays(data)
    real = Images(arrays["train_images"], arrays["train_labels"])
    steps = steps_for(budget.image_passes, schedule.batch, schedule.decays)
    algorithm = ERM(DigitCNN(seed_for(seed, variant, METHOD, "network")), steps, schedule)
    source = real_and_generated(real, shards, params.real_share, schedule.batch, seed, variant, METHOD)
    validation = Images(arrays["validation_images"], arrays["validation_labels"])
    run_id = fingerprint([seed, threads, schedule, params, budget], [data, shards])
    checkpoint = Checkpoint(SCRATCH / "train_on_gan_samples" / f"{variant}.pt", run_id)
    folder = Path(f"models/mnist/classifiers/{variant}/{METHOD}")
    gan = Run(folder, algorithm, source, checkpoint, f"{METHOD} on {variant}")
    train_and_save([gan], validation, threads)


if __name__ == "__main__":
    run(main)
