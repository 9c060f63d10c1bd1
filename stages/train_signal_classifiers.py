"""Stage `train_signal_classifiers`: a classifier of each signal of one variant (appendix H)."""

from pathlib import Path

from stages.command import run, section
from stages.run import StageRun


def main(variant: str) -> None:
    """Train a classifier of the label of each mechanism on counterfactuals of VARIANT.

    All see the same images. In these the labels of the mechanisms are independent, so that a classifier can
    use its own signal only.
    """
    stage = StageRun("train_signal_classifiers")
    schedule, budget = section("mnist.classifier"), section("budgets.train_signal_classifiers")

    from cgn.data.sources import Images
    from cgn.data.streaming import StreamedShards
    from cgn.io.arrays import read_arrays
    from cgn.methods.erm import ERM
    from cgn.methods.training import Run, steps_for, train_and_save
    from cgn.networks.digit_cnn import DigitCNN
    from cgn.scm import MNIST_SCM
    from cgn.seeding import seed_for

    data = Path(f"data/mnist/variants/{variant}.safetensors")
    shards = Path(f"data/mnist/shards/{variant}/counterfactuals")
    arrays = read_arrays(data)
    # Their label is that of every signal.
    validation = Images(arrays["validation_images"], arrays["validation_labels"])
    steps, runs = steps_for(budget.image_passes, schedule.batch, schedule.decays), []
    for signal in MNIST_SCM.mechanisms:
        names = variant, "signals", signal
        network = DigitCNN(seed_for(stage.seed, *names), released=schedule.network == "released")
        source = StreamedShards(shards, signal, schedule.batch, stage.seed, *names)
        checkpoint = stage.checkpoint(f"{variant}-{signal}", [schedule, budget, signal], [data, shards])
        folder, algorithm = Path(f"models/mnist/signals/{variant}/{signal}"), ERM(network, steps, schedule)
        runs.append(Run(folder, algorithm, source, checkpoint, f"{signal} of {variant}"))
    train_and_save(runs, validation, stage.threads, stage.device)


if __name__ == "__main__":
    run(main)
