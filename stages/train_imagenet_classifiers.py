"""Stage `train_imagenet_classifiers`: the classifiers of Tables 3 and 4 that need no generator."""

import logging
from pathlib import Path

from stages.command import run, section
from stages.run import StageRun

CLASSIFIERS = Path("models/imagenet/classifiers")

log = logging.getLogger(__name__)


def main() -> None:
    """Train the residual networks `in`, `sin`, `in_sin`, `mixed_rand` and `oracle`.

    In a world without masks only `in` is trained. Without image passes the published ResNet-50s are taken.
    """
    stage = StageRun("train_imagenet_classifiers")
    schedule, budget = section("imagenet.classifier"), section("budgets.train_imagenet_classifiers")
    published = {"sin": section("assets.resnet50_sin"), "in_sin": section("assets.resnet50_in_sin")}

    from cgn.data.emoji.cue_sources import TRAINING_SETS, cue_sources
    from cgn.data.worlds import World
    from cgn.io.files import leave_out
    from cgn.methods.erm import ERM
    from cgn.methods.training import Run, steps_for, train_and_save
    from cgn.networks.backbones import new_classifier, set_up
    from cgn.networks.classifier import Signature
    from cgn.networks.resnet50s import store_published
    from cgn.seeding import seed_for

    world = World(Path("data/imagenet/world"), stage.threads, schedule.mirror)
    if budget.image_passes == 0:
        made = store_published(CLASSIFIERS, schedule.start, published, world.classes, world.resolution)
    else:
        runs, made = [], cue_sources(world.train, world.arrays, schedule.batch, stage.seed)
        for method, source in made.items():
            steps = steps_for(budget.image_passes, schedule.batch, schedule.decays)
            seed = seed_for(stage.seed, "imagenet", method, "network")
            network, backbone = new_classifier(schedule.start, len(world.classes), seed, schedule.channels)
            set_up(network, schedule.frozen_statistics, schedule.channels_last)
            algorithm = ERM(network, steps, schedule, schedule.weight_decay, precision=schedule.precision)
            seen = world.seen(source, stage.seed, method)
            checkpoint = stage.checkpoint(method, [schedule, budget, method], world.inputs)
            runs.append(Run(CLASSIFIERS / method, algorithm, seen, checkpoint, method))
        signature = Signature(world.classes, world.resolution, backbone)
        train_and_save(runs, world.validation, stage.threads, stage.device, signature)
    for method in TRAINING_SETS:
        if method not in made:
            reason = "needs masks and backgrounds, which this world has none of"
            log.warning("left out: %s: %s", method, reason)
            leave_out(CLASSIFIERS / method, reason)


if __name__ == "__main__":
    run(main)
