"""Stage `train_imagenet_classifiers`: the rows of Tables 3 and 4 without a generator, on the emoji world."""

from pathlib import Path

from stages.command import SCRATCH, run, section


def main() -> None:
    """Train in, sin, in_sin, mixed_rand and oracle, a small residual network each."""
    seed, threads, device = section("seed"), section("threads"), section("device")
    schedule = section("imagenet.classifier")
    budget = section("budgets.train_imagenet_classifiers")

    from cgn.classifiers.erm import ERM
    from cgn.classifiers.sources import Images
    from cgn.classifiers.training import Run, steps_for, train_and_save
    from cgn.common.arrays import read_arrays
    from cgn.common.checkpoint import Checkpoint, fingerprint
    from cgn.common.device import torch_device
    from cgn.common.seeding import seed_for
    from cgn.imagenet.classifiers.cue_sources import cue_sources
    from cgn.imagenet.classifiers.small_resnet import SmallResNet
    from cgn.imagenet.evaluation.class_maps import IN9_CLASSES

    data = Path("data/imagenet/world")
    inputs = [data / "train.safetensors", data / "validation.safetensors"]
    arrays, held_out = (read_arrays(path) for path in inputs)

    runs = []
    for method, source in cue_sources(arrays, schedule.batch, seed).items():
        passes = budget.oracle_image_passes if method == "oracle" else budget.image_passes
        steps = steps_for(passes, schedule.batch, schedule.decays)
        network = SmallResNet(
            seed_for(seed, "imagenet", method, "network"), len(IN9_CLASSES), schedule.channels
        )
        run_id = fingerprint([seed, threads, device, schedule, budget, method], inputs)
        checkpoint = Checkpoint(SCRATCH / "train_imagenet_classifiers" / f"{method}.pt", run_id)
        folder = Path(f"models/imagenet/classifiers/{method}")
        runs.append(Run(folder, ERM(network, steps, schedule), source, checkpoint, method))
    train_and_save(runs, Images(held_out["images"], held_out["labels"]), threads, torch_device(device))


if __name__ == "__main__":
    run(main)
