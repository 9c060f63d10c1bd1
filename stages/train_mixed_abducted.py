"""Stage `train_mixed_abducted`: a plain classifier on images, and their objects on others' backgrounds."""

from pathlib import Path

from stages.command import run, section
from stages.run import StageRun

NAME = "mixed_abducted"


def main() -> None:
    """Train one head on the world's images and on the shards `mixed`, by the class of the object."""
    stage = StageRun("train_mixed_abducted")
    schedule, ratio = section("imagenet.classifier"), section("methods.ensemble.real_to_counterfactual")
    image_passes = section("budgets.train_imagenet_classifiers.image_passes")

    from cgn.data.sources import Images
    from cgn.data.streaming import real_and_generated
    from cgn.data.worlds import World
    from cgn.io.files import leave_out, why_left_out
    from cgn.methods.erm import ERM
    from cgn.methods.training import Run, steps_for, train_and_save
    from cgn.networks.backbones import new_classifier, set_up
    from cgn.networks.classifier import Signature
    from cgn.seeding import seed_for

    folder, shards = Path("models/imagenet/classifiers") / NAME, Path("data/imagenet/shards/mixed")
    if reason := why_left_out(shards):
        leave_out(folder, reason)
        return
    world = World(Path("data/imagenet/world"), stage.threads, schedule.mirror)

    seed = seed_for(stage.seed, "imagenet", NAME, "network")
    network, backbone = new_classifier(schedule.start, len(world.classes), seed, schedule.channels)
    set_up(network, schedule.frozen_statistics, schedule.channels_last)
    real, share = Images(world.arrays["images"], world.arrays["labels"]), ratio / (1 + ratio)
    source = real_and_generated(real, shards, share, schedule.batch, stage.seed, NAME)
    steps = steps_for(image_passes, schedule.batch, schedule.decays)
    algorithm = ERM(network, steps, schedule, schedule.weight_decay, precision=schedule.precision)
    checkpoint = stage.checkpoint(NAME, [schedule, ratio, image_passes], [*world.inputs, shards])
    one_run = Run(folder, algorithm, world.seen(source, stage.seed, NAME), checkpoint, NAME)
    signature = Signature(world.classes, world.resolution, backbone)
    train_and_save([one_run], world.validation, stage.threads, stage.device, signature)


if __name__ == "__main__":
    run(main)
