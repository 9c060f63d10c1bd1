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

    from cgn.data.sources import Images, Mirrored, Source
    from cgn.data.streaming import real_and_generated
    from cgn.io.arrays import read_arrays
    from cgn.io.files import read_json
    from cgn.methods.erm import ERM
    from cgn.methods.training import Run, steps_for, train_and_save
    from cgn.networks.backbones import new_classifier
    from cgn.networks.classifier import Signature
    from cgn.seeding import seed_for

    data, shards = Path("data/imagenet/world"), Path("data/imagenet/shards/mixed")
    inputs = [data / "train.safetensors", data / "validation.safetensors"]
    arrays, held_out = (read_arrays(path) for path in inputs)
    classes = read_json(data / "classes.json")

    seed = seed_for(stage.seed, "imagenet", NAME, "network")
    network, backbone = new_classifier(schedule.start, len(classes), seed, schedule.channels)
    real, share = Images(arrays["images"], arrays["labels"]), ratio / (1 + ratio)
    source: Source = real_and_generated(real, shards, share, schedule.batch, stage.seed, NAME)
    if schedule.mirror:
        source = Mirrored(source, stage.seed, NAME)
    algorithm = ERM(network, steps_for(image_passes, schedule.batch, schedule.decays), schedule)
    checkpoint = stage.checkpoint(NAME, [schedule, ratio, image_passes], [*inputs, shards])
    one_run = Run(Path("models/imagenet/classifiers") / NAME, algorithm, source, checkpoint, NAME)
    signature = Signature(classes, arrays["images"].shape[1], backbone)
    validation = Images(held_out["images"], held_out["labels"])
    train_and_save([one_run], validation, stage.threads, stage.device, signature)


if __name__ == "__main__":
    run(main)
