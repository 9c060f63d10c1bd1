"""Stage `train_imagenet_classifiers`: the classifiers of Tables 3 and 4 that need no generator."""

import logging
from pathlib import Path

from stages.command import run, section
from stages.run import StageRun

CLASSIFIERS = Path("models/imagenet/classifiers")

log = logging.getLogger(__name__)


def main() -> None:
    """Train the small residual networks `in`, `sin`, `in_sin`, `mixed_rand` and `oracle`.

    In a world without masks only `in` is trained; the others are left out.
    """
    stage = StageRun("train_imagenet_classifiers")
    schedule, budget = section("imagenet.classifier"), section("budgets.train_imagenet_classifiers")

    from cgn.data.emoji.cue_sources import TRAINING_SETS, cue_sources
    from cgn.data.sources import Images, Mirrored
    from cgn.io.arrays import read_arrays
    from cgn.io.files import leave_out, read_json
    from cgn.methods.erm import ERM
    from cgn.methods.training import Run, steps_for, train_and_save
    from cgn.networks.backbones import new_classifier
    from cgn.networks.classifier import Signature
    from cgn.seeding import seed_for

    data = Path("data/imagenet/world")
    inputs = [data / "train.safetensors", data / "validation.safetensors"]
    arrays, held_out = (read_arrays(path) for path in inputs)
    classes = read_json(data / "classes.json")

    runs = []
    sources = cue_sources(arrays, schedule.batch, stage.seed)
    for method, source in sources.items():
        passes = budget.oracle_image_passes if method == "oracle" else budget.image_passes
        steps = steps_for(passes, schedule.batch, schedule.decays)
        network_seed = seed_for(stage.seed, "imagenet", method, "network")
        network, backbone = new_classifier(schedule.start, len(classes), network_seed, schedule.channels)
        seen = Mirrored(source, stage.seed, method) if schedule.mirror else source
        checkpoint = stage.checkpoint(method, [schedule, budget, method], inputs)
        runs.append(Run(CLASSIFIERS / method, ERM(network, steps, schedule), seen, checkpoint, method))
    validation = Images(held_out["images"], held_out["labels"])
    signature = Signature(classes, arrays["images"].shape[1], backbone)
    train_and_save(runs, validation, stage.threads, stage.device, signature)
    for method in TRAINING_SETS:
        if method not in sources:
            reason = "needs masks and backgrounds, which this world has none of"
            log.warning("left out: %s: %s", method, reason)
            leave_out(CLASSIFIERS / method, reason)


if __name__ == "__main__":
    run(main)
