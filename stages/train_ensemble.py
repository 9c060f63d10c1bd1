"""Stage `train_ensemble`: the three-headed classifier of Tables 3 and 4, on real and generated images."""

from pathlib import Path
from typing import Annotated

from typer import Option

from stages.command import run, section
from stages.run import StageRun

CLASSIFIERS = Path("models/imagenet/classifiers")


def main(
    shards: Annotated[str, Option(help="folder of data/imagenet/shards: counterfactuals or abducted")],
    ensemble: Annotated[str, Option(help="folder of models/imagenet/classifiers to write")],
) -> None:
    """Train one backbone with a head for shape, texture and background."""
    stage = StageRun("train_ensemble")
    section("launch.processes")  # sums of gradients are split by process
    params, schedule = section("methods.ensemble"), section("imagenet.classifier")
    budget = section("budgets.train_ensemble")

    from cgn.data.worlds import World
    from cgn.io.files import leave_out, why_left_out
    from cgn.methods.ensemble import Ensemble, real_and_counterfactuals
    from cgn.methods.training import Run, steps_for, train_and_save
    from cgn.networks.backbones import new_backbone, set_up
    from cgn.networks.classifier import Signature
    from cgn.networks.ensemble import EnsembleNetwork
    from cgn.seeding import seed_for

    generated = Path("data/imagenet/shards") / shards
    if reason := why_left_out(generated):
        leave_out(CLASSIFIERS / ensemble, reason)
        return
    world = World(Path("data/imagenet/world"), stage.threads, schedule.mirror)

    names = (stage.seed, "imagenet", ensemble)
    backbone = new_backbone(schedule.start, seed_for(*names, "backbone"), schedule.channels)
    signature = Signature(world.classes, world.resolution, backbone.name)
    network = EnsembleNetwork(backbone, len(signature.classes), seed_for(*names, "heads"))
    set_up(network, schedule.frozen_statistics, schedule.channels_last)
    ratio = params.real_to_counterfactual
    source = real_and_counterfactuals(world.train, generated, ratio, schedule.batch, stage.seed, ensemble)
    steps = steps_for(budget.image_passes, schedule.batch, schedule.decays)
    decay, precision = schedule.weight_decay, schedule.precision
    algorithm = Ensemble(network, steps, schedule, params.label_smoothing, decay, precision)
    checkpoint = stage.checkpoint(ensemble, [params, schedule, budget], [*world.inputs, generated])
    seen = world.seen(source, stage.seed, ensemble)
    one_run = Run(CLASSIFIERS / ensemble, algorithm, seen, checkpoint, ensemble)
    train_and_save([one_run], world.validation, stage.threads, stage.device, signature)


if __name__ == "__main__":
    run(main, in_ranks=True)
